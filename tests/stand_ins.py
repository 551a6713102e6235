"""`kit cv` whose workers are stand-ins: they speak the protocol of kit.training.wire, but learn nothing."""

import subprocess
import sys
from pathlib import Path

from kit.run_folder import RUNS
from tests.driving import Process
from tests.launchers import PRELUDE

CONFIG = "folds: {count: 4}\nmodels: {knn: {kind: knn}}\n"
MEMBERS = [f"knn-f{fold}-s0" for fold in range(4)]
WORKER = (
    PRELUDE
    + """
import io
import numpy as np
job, blobs = receive()
fold, marks = job["member"][1], Path(sys.argv[1])
def first_time():
    mark = marks / f"seen-{fold}"
    seen, _ = mark.exists(), mark.touch()
    return not seen
def finish():
    rows = np.flatnonzero(np.unpackbits(np.frombuffer(blobs[0], np.uint8), count=job["rows"]))
    rng = np.random.default_rng([fold, job["seed_offset"]])
    val, test = (rng.dirichlet(np.ones(job["classes"]), n).astype(np.float32) for n in (len(rows), 20))
    history = np.frombuffer(b'{"version": 2, "seconds": 1.0}', np.uint8)
    np.savez(buffer := io.BytesIO(), val_rows=rows, val_probs=val, test_probs=test, history=history)
    send({"epoch": 1, "val_loss": 0.5, "val_score": 0.5})
    send({"result": "member"}, buffer.getvalue(), b"")
"""
)
DRIVER = """
import resource, sys
from kit import __main__
from kit.pipeline import cv
from kit.training.launch import watchdog
from kit.training.launch.local import LocalLauncher
{setup}
cv.LocalLauncher = lambda: LocalLauncher([sys.executable, {worker!r}, {marks!r}])
sys.argv = ["kit", "cv", "-c", "faults.yaml", "--run", "mine", *sys.argv[1:]]
__main__.main()
"""


def start(folder: Path, code: str, *more: str, setup: str = "") -> Process:
    """Start `kit cv` with workers that run `code`, after `setup` in the driver; see WORKER and DRIVER."""
    (folder / "worker.py").write_text(WORKER + code)
    driver = DRIVER.format(worker=str(folder / "worker.py"), marks=str(folder / "marks"), setup=setup)
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", driver, *more], stdout=pipe, stderr=pipe, text=True)


def stored() -> list[str]:
    """Return the names of the stored members."""
    return sorted(path.stem for path in RUNS.glob("mine/members/[!.]*.npz"))
