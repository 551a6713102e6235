"""Systems other than Linux, imitated: on Windows one sentence, on macOS no function that only Linux has."""

import subprocess
import sys

import pytest

from kit import platforms

WINDOWS = """
import os, signal, sys
sys.platform = "win32"
for name in ("fcntl", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("SIGALRM", "SIGHUP", "SIGKILL", "setitimer"):
    delattr(signal, name)
del os.getuid
"""
MACOS = """
import os, pathlib
del os.sched_getaffinity, os.sched_setaffinity
from kit.training import machine, memory
machine.CPUINFO = memory.OWN_GROUPS = pathlib.Path("/no/proc")
"""


def python(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "start",
    ["from kit.__main__ import main; main()", "import runpy; runpy.run_module('kit', run_name='__main__')"],
)
def test_on_windows_every_command_ends_with_one_sentence(start: str) -> None:
    done = python(f"{WINDOWS}\nsys.argv = ['kit', 'cv']\n{start}")
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "kit needs Linux or macOS; on Windows use WSL2 (docs/troubleshooting.md says how)\n",
    )


@pytest.mark.parametrize("call", ["kit.cv()", "kit.open_run()", "kit.submit()", "from kit import Run"])
def test_on_windows_a_program_that_uses_kit_gets_the_same_sentence(call: str) -> None:
    done = python(f"{WINDOWS}\nimport kit\ntry: {call}\nexcept kit.UserError as error: print(error)")
    assert (done.stdout, done.stderr) == (
        "kit needs Linux or macOS; on Windows use WSL2 (docs/troubleshooting.md says how)\n",
        "",
    )


@pytest.mark.parametrize("name", ["linux", "darwin"])
def test_linux_and_macos_are_supported(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, "platform", name)
    platforms.check()


def test_on_macos_the_machine_is_described() -> None:
    done = python(
        f"{MACOS}\nfound = machine.describe()\n"
        "print(found.features, machine.precision('auto', 'tensorflow'), found.cores >= 1)"
    )
    assert (done.stdout, done.stderr) == ("() float32 True\n", "")


def test_on_macos_workers_need_no_core_of_their_own() -> None:
    done = python(
        f"{MACOS}\nfrom kit.training.launch.devices import reserve_core\n"
        "with reserve_core() as first, reserve_core() as second: print(first, second)"
    )
    assert (done.stdout, done.stderr) == ("0 0\n", "")
