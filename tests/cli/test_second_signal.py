"""Signals that come twice, to commands whose cleaning up hangs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.run_folder import RUNS, Run
from tests.driving import PATIENCE, Process, catches, wait_for
from tests.stand_ins import MEMBERS, stored
from tests.workplace import Ended, write_run

Start = Callable[..., Process]
Cv = Callable[..., Ended]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc"),
]

HANGS = """
from kit.run_folder import Run
write = Run.write_record
def hang(run, record):
    if record.status == "interrupted":
        open("marks/hanging", "w").close()
        time.sleep(600)
    write(run, record)
Run.write_record = hang
"""


def test_a_second_ctrl_c_ends_a_run_whose_cleaning_hangs(
    start_cv: Start,
    cv: Cv,
    workdir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))
    code = "if fold == 1: (marks / f'running-{os.getpid()}').touch(); time.sleep(600)\nfinish()"
    process = start_cv(code, "--jobs", "1", setup=f"import time\n{HANGS}")
    [mark] = wait_for(lambda: list((workdir / "marks").glob("running-*")))
    process.send_signal(signal.SIGINT)
    wait_for((workdir / "marks/hanging").exists)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("kit: ended at once; finished work is stored")
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.name.partition("-")[2]), 0)
    assert list(temporary.iterdir()) == []
    assert stored() == [MEMBERS[0]]
    assert Run(RUNS / "mine").read_record().status == "running"
    assert cv("finish()").code == 0
    assert stored() == MEMBERS


COMMANDS = {
    "cv": ["cv", "-c", "quick"],
    "tune": ["tune", "-c", "quick", "--trials", "1"],
    "submit": ["submit", "runs/one/submission.csv", "--dry-run"],
    "data fetch": ["data", "fetch", "--source", "sample"],
    "ensemble": ["ensemble", "one", "two"],
}
AT_EXIT = """
import atexit, sys, time
def hang():
    open("hanging", "w").close()
    time.sleep(600)
atexit.register(hang)
from kit import __main__
sys.argv = ["kit", *sys.argv[1:]]
__main__.main()
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_second_signal_ends_every_command_that_cleans_up(name: str, workdir: Path) -> None:
    for run in ("one", "two"):
        write_run(run)
    command = [sys.executable, "-c", AT_EXIT, *COMMANDS[name]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: catches(process, signal.SIGTERM))
        process.send_signal(signal.SIGTERM)
        wait_for((workdir / "hanging").exists)
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert [line.removeprefix("kit: ").split()[0] for line in err.splitlines()[-2:]] == [
        "interrupted",
        "ended",
    ]
    assert "Traceback" not in err
