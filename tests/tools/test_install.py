import os
import signal
import subprocess
import sys
from pathlib import Path

INSTALL = Path(__file__).parents[2] / "tools/install.py"
LINES = """
Collecting tensorflow==2.21.0
  Downloading tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl.metadata (4.3 kB)
Downloading tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl (572.1 MB)
Downloading rich-14.3.0-py3-none-any.whl (300 kB)
Using cached numpy-2.1.0-cp311-cp311-linux_x86_64.whl (16.5 MB)
Installing collected packages: rich, numpy, tensorflow
Successfully installed numpy-2.1.0 rich-14.3.0 tensorflow-2.21.0
"""


def pip(folder: Path, code: str) -> list[str]:
    """Return the command that installs with a stand-in for pip, which runs `code`."""
    python = folder / "env/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!{sys.executable}\nimport os, sys, time\n{code}\n")
    python.chmod(0o755)
    return [sys.executable, str(INSTALL), str(python), "-e", "."]


def test_large_packages_and_the_total_are_named(tmp_path: Path) -> None:
    done = subprocess.run(
        pip(tmp_path, f"print({LINES!r}, flush=True)"), capture_output=True, text=True, check=True
    )
    words = [line.rpartition(", ")[0] or line for line in done.stderr.splitlines()]
    assert "  downloading tensorflow 2.21.0 (572 MB)" in words
    assert "  installing 3 packages, 0 done" in words
    assert words[-1].startswith("Installed 3 packages (589 MB) in ")
    assert not any("rich" in line for line in words)
    assert done.stdout == ""


def test_the_environment_is_made_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "env"
    (tmp_path / "env/old").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, str(INSTALL), "--venv", str(folder)], capture_output=True, text=True, check=True
    )
    assert f"  creating {folder}, " in done.stderr
    assert (folder / "bin/python").exists()
    assert not (folder / "old").exists()


def test_errors_of_pip_are_shown_whole(tmp_path: Path) -> None:
    code = "print('ERROR: one\\nERROR: No space left on device', file=sys.stderr); sys.exit(2)"
    done = subprocess.run(pip(tmp_path, code), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ERROR: one\nERROR: No space left on device\n")


def test_nothing_to_install_says_nothing(tmp_path: Path) -> None:
    code = "print('Requirement already satisfied: click')"
    done = subprocess.run(pip(tmp_path, code), capture_output=True, text=True, check=True)
    assert "Installed" not in done.stderr


def test_an_interrupt_shows_no_traceback(tmp_path: Path) -> None:
    code = f"print({LINES!r}, flush=True); time.sleep(30)"
    process = subprocess.Popen(pip(tmp_path, code), stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    while "installing" not in process.stderr.readline():
        pass
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted; the same command starts the installation again"
    assert "Traceback" not in err


def test_an_interrupted_environment_is_no_error_of_python(tmp_path: Path) -> None:
    command = [sys.executable, str(INSTALL), "--venv", str(tmp_path / "env")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / "env/bin").is_dir():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted; the same command starts the installation again"
    assert "Traceback" not in err
