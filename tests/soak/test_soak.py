"""What one process holds after 200 members, and after 100 opened runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.soak.driver import MEMBERS

ROOT = Path(__file__).parents[2]
WARM_UP = 50
"""Members after which caches and pools are full."""
MOST_BYTES = 20_000
"""Growth of memory per member; a result that is kept adds 300,000."""
MOST_THINGS = 0.05
"""Growth of files, threads and processes per member; their number varies while workers start and end."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what `tests.soak.driver` prints, with the folder it ran in and its temporary folder."""
    folder = tmp_path_factory.mktemp("soak")
    (folder / "tmp").mkdir()
    shared = set(os.listdir("/dev/shm"))  # noqa: PTH208 - names alone
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.driver"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "folder": folder, "shared": shared}


def slope(soaked: Any, what: str) -> float:
    """Return the growth per member after the warm-up, by least squares."""
    values = [sample[what] for sample in soaked["samples"]][WARM_UP:]
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])


def test_every_member_is_stored(soaked: Any) -> None:
    assert len(soaked["samples"]) == MEMBERS
    members = list((soaked["folder"] / soaked["run"] / "members").glob("knn-*.npz"))
    assert len(members) == MEMBERS


def test_memory_does_not_grow(soaked: Any) -> None:
    assert slope(soaked, "bytes") < MOST_BYTES


@pytest.mark.parametrize("what", ["files", "threads", "children"])
def test_files_threads_and_processes_do_not_grow(soaked: Any, what: str) -> None:
    assert abs(slope(soaked, what)) < MOST_THINGS


def test_no_process_is_left(soaked: Any) -> None:
    assert soaked["left"]["children"] == 0


def test_temporary_folders_are_empty(soaked: Any) -> None:
    assert list((soaked["folder"] / "tmp").iterdir()) == []
    new = set(os.listdir("/dev/shm")) - soaked["shared"]  # noqa: PTH208 - names alone
    # Browsers of other tests use the folder too.
    assert {name for name in new if name.startswith(("kit", "psm_", "sem.", "joblib", "loky"))} == set()


def test_opened_runs_are_not_kept(soaked: Any) -> None:
    code = """
import psutil, kit
process, bytes_, files = psutil.Process(), [], []
for _ in range(100):
    run = kit.open_run(NAME)
    run.oof, run.report, run.members, run.test
    bytes_.append(process.memory_info().rss)
    files.append(process.num_fds())
print(bytes_[40], bytes_[-1], files[40], files[-1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code.replace("NAME", repr(Path(soaked["run"]).name))],
        cwd=soaked["folder"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    early, late, files, more = map(int, done.stdout.split())
    assert (late - early) / 60 < MOST_BYTES
    assert more == files
