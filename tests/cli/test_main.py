"""`kit` as a user calls it, in a separate process where that matters."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from kit import cli
from kit.errors import KitError, UserError

HEAVY = (
    "tensorflow",
    "keras",
    "sklearn",
    "optuna",
    "kaggle",
    "pandas",
    "torch",
    "jax",
    "matplotlib",
    "scipy",
)


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Return a function that runs the command line; it returns exit code, stdout and stderr."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(*arguments: str) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["kit", *arguments])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        return exit_.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Return a function that replaces `kit runs` by another function."""

    def put(function: Callable[[], Any]) -> None:
        fake = click.command("runs")(click.option("--name")(lambda name: function()))  # noqa: ARG005 - click's
        monkeypatch.setattr(cli, "import_module", lambda _: SimpleNamespace(command=fake))

    return put


def failing(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_help_lists_every_command(kit: Callable[..., Any]) -> None:
    code, out, err = kit("--help")
    assert (code, err) == (0, "")
    assert all(f"  {name} " in out for name in cli.COMMANDS)


def test_without_arguments_it_shows_the_help(kit: Callable[..., Any]) -> None:
    code, out, err = kit()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: kit ")


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_has_help_with_an_example(name: str, kit: Callable[..., Any]) -> None:
    code, out, _ = kit(name, "--help")
    assert code == 0
    assert f"Usage: kit {name}" in out
    assert f"Example:\n    kit {name}" in out or "Commands:" in out
    assert "--debug" in out


def test_version(kit: Callable[..., Any]) -> None:
    assert kit("--version")[:2] == (0, "kit, version 0.1.0\n")


def test_an_unknown_command_names_the_most_similar_one(kit: Callable[..., Any]) -> None:
    assert kit("reprot") == (
        2,
        "",
        "kit: No such command 'reprot'.\ndid you mean: kit report\n",
    )


def test_an_unknown_option_names_the_most_similar_one(kit: Callable[..., Any]) -> None:
    code, out, err = kit("runs", "--jsn")
    assert (code, out) == (2, "")
    # click 8.3 writes `No such option: --jsn`
    assert err.replace("'", "").replace("option:", "option").replace(".", "") == (
        "kit: No such option --jsn\ndid you mean: kit runs --json\n"
    )


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("wrong", where="a.csv"), 2, "kit: a.csv: wrong\n"),
        (KitError("failed"), 1, "kit: failed\n"),
        (
            OSError(errno.ENOSPC, "No space left", "runs/x"),
            2,
            "kit: runs/x: No space left; free space on this disk, then rerun the same command\n",
        ),
        (
            OSError(errno.ENAMETOOLONG, "File name too long", "runs/x"),
            2,
            "kit: runs/x: File name too long; choose a shorter name\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "runs"),
            2,
            "kit: runs: Permission denied; look at the permissions\n",
        ),
        (
            OSError(errno.EIO, "Broken disk", "runs/x"),
            1,
            "kit: runs/x: Broken disk; look at the disk and its connection, then rerun the same command\n",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "runs/x"),
            2,
            "kit: runs/x: No such file or directory; the folder was moved or deleted, or its disk is no "
            "longer there; rerun the same command\n",
        ),
        (
            OSError(errno.EMFILE, "Too many open files"),
            2,
            "kit: Too many open files; raise the limit of open files (`ulimit -n`), or close other "
            "programs\n",
        ),
        (
            OSError(errno.EXDEV, "Invalid cross-device link", "runs/x"),
            1,
            "kit: runs/x: Invalid cross-device link; rerun the same command; --debug shows where it failed\n",
        ),
        (OSError("of a library"), 1, "kit: OSError: of a library\n(--debug shows the traceback)\n"),
        (
            ModuleNotFoundError("No module named 'optuna'", name="optuna"),
            2,
            "kit: kit needs optuna, which is not installed\npip install optuna\n",
        ),
        (
            ImportError("libgomp.so.1: none\nmore", name="sklearn.utils"),
            2,
            "kit: kit needs scikit-learn, which is broken: libgomp.so.1: none\npip install scikit-learn\n",
        ),
        (
            ImportError("cannot import name 'x'", name="kit.cli"),
            1,
            "kit: ImportError: cannot import name 'x'\n(--debug shows the traceback)\n",
        ),
        (ValueError("one\ntwo\nthree"), 1, "kit: ValueError: one\n(--debug shows the traceback)\n"),
        (ValueError(), 1, "kit: ValueError: \n(--debug shows the traceback)\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
    ],
)
def test_an_error_is_short_and_has_its_exit_code(
    error: BaseException, code: int, message: str, kit: Callable[..., Any], command: Callable[..., None]
) -> None:
    command(failing(error))
    assert kit("runs") == (code, "", message)


@pytest.mark.parametrize(
    "arguments", [("runs", "--debug"), ("--debug", "runs"), ("runs", "--name", "x", "--debug")]
)
def test_debug_shows_the_traceback_in_any_position(
    arguments: tuple[str, ...], kit: Callable[..., Any], command: Callable[..., None]
) -> None:
    command(failing(UserError("wrong")))
    code, _, err = kit(*arguments)
    assert code == 2
    assert err.startswith("Traceback")
    assert err.endswith("kit: wrong\n")


def test_debug_as_the_value_of_an_option_is_that_value(
    kit: Callable[..., Any], command: Callable[..., None]
) -> None:
    command(failing(UserError("wrong")))
    assert kit("runs", "--name", "--debug") == (2, "", "kit: wrong\n")


def test_a_command_chooses_its_exit_code(kit: Callable[..., Any], command: Callable[..., None]) -> None:
    command(lambda: click.get_current_context().exit(2))
    assert kit("runs") == (2, "", "")


@pytest.mark.parametrize("arguments", [("--help",), ("runs",), ("cv", "--help"), ("doctor", "--help")])
def test_no_heavy_library_is_imported(arguments: tuple[str, ...], tmp_path: Path) -> None:
    code = (
        "import sys, kit.cli\n"
        f"sys.argv = ['kit', *{arguments!r}]\n"
        "try: kit.cli.main()\n"
        f"finally: print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_doctor_imports_no_backend(tmp_path: Path) -> None:
    code = (
        "import sys, kit.cli\n"
        "sys.argv = ['kit', 'doctor', '--json']\n"
        "try: kit.cli.main()\n"
        "finally: print(sorted({'tensorflow', 'keras', 'pandas'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"
    assert json.loads(done.stdout)["machine"]["cores"] >= 1


def test_a_closed_pipe_is_not_an_error(tmp_path: Path) -> None:
    kit = f"{sys.executable} -m kit"
    done = subprocess.run(
        f"{kit} --help | head -1", shell=True, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: ")
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("--help",), ("runs",), ("configs",)])
def test_the_exit_code_after_a_closed_pipe_is_that_of_sigpipe(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "kit", *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_character_that_the_output_cannot_encode_becomes_a_question_mark(tmp_path: Path) -> None:
    code = (
        "import types, click, rich.console, sys, kit.cli\n"
        "command = click.command()(lambda: rich.console.Console().print('99.4 ± 0.1'))\n"
        "kit.cli.import_module = lambda _: types.SimpleNamespace(command=command)\n"
        "sys.argv = ['kit', 'runs']\n"
        "kit.cli.main()"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert done.stdout == b"99.4 ? 0.1\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a full disk")
def test_a_full_disk_is_reported_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kit", "runs"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (
        2,
        "kit: No space left on device; free space on this disk, then rerun the same command\n",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_exits_with_130(number: signal.Signals, tmp_path: Path) -> None:
    code = (
        "import sys, time, types, click, kit.cli\n"
        "command = click.command()(lambda: (print('ready', flush=True), time.sleep(30)))\n"
        "kit.cli.import_module = lambda _: types.SimpleNamespace(command=command)\n"
        "sys.argv = ['kit', 'runs']\n"
        "kit.cli.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "\ninterrupted\n")


INTERRUPTED = """
import sys
import kit.cli

def interrupted():
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        sys.exit(130)

kit.cli.main = interrupted
import kit.__main__
kit.__main__.main()
"""


def test_an_interrupt_in_executed_text_keeps_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(INTERRUPTED)
    done = subprocess.run([sys.executable, "-m", "probe"], cwd=tmp_path, check=False)
    assert done.returncode == 130


def test_an_interrupted_process_cleans_up_but_is_not_finalized(tmp_path: Path) -> None:
    code = """if True:
        import atexit, os, sys
        from kit import __main__, cli
        class CrashesWhenFreed:
            __del__ = lambda self: os.abort()
        crashing = CrashesWhenFreed()
        atexit.register(print, "cleaned up")
        cli.main = lambda: sys.exit(130)
        __main__.main()
    """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "cleaned up\n", "")
