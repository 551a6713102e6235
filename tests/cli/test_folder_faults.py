"""Folders that are full, read-only, missing or gone while `kit` works in them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.run_folder import Run
from tests import workplace
from tests.cli.test_odd_mount import with_permissions
from tests.driving import Process, wait_for

ROOT = str(Path(__file__).parents[2])
CONFIG = "competition: {image_shape: [6, 6]}\nmodels: {knn: {kind: knn}}\nfolds: {count: 2}\n"
CV = ("cv", "-c", "knn.yaml", "--run", "mine", "--jobs", "1")
Driver = Callable[..., Process]
PRIVATE_MOUNTS = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-rm"]
may_mount = pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run([*PRIVATE_MOUNTS, "true"], check=False).returncode != 0,
    reason="this user may not mount a file system",
)


@pytest.fixture
def data(workdir: Path, write_competition: Callable[..., None]) -> Path:
    """Return the folder of a tiny competition, in the working directory."""
    write_competition(workdir / "data", side=6)
    (workdir / "knn.yaml").write_text(CONFIG)
    return workdir / "data"


def on_small_disk(folder: str, kib: int, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in which `folder` is a disk of `kib` KiB, and `kit` is the command."""
    program = f'kit() {{ {sys.executable} -m kit "$@"; }}'
    mount = f"mkdir -p {folder}; mount -t tmpfs -o size={kib}k small {folder}"
    return subprocess.run(
        [*PRIVATE_MOUNTS, "sh", "-c", f"{program}\n{mount}\n{script}"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": ROOT},
    )


@may_mount
@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_a_run_on_a_full_disk_continues_when_there_is_space() -> None:
    script = f"kit {' '.join(CV)}; echo $?; ls -A runs/mine runs/mine/members\n"
    script += f"mount -o remount,size=10m runs; kit {' '.join(CV)} >all; cp -r runs/mine copy"
    done = on_small_disk("runs", 48, script)
    code, *files = done.stdout.split()
    assert code == "2", done.stderr
    assert "No space left on device; free space on this disk" in done.stderr
    assert not any(name.startswith(".") for name in files)
    assert Run(Path("copy")).is_finished()
    undisturbed = workplace.kit(*CV)
    assert undisturbed.code == 0
    for name in ("oof.csv", "submission.csv"):
        assert Path("copy", name).read_bytes() == Path("runs/mine", name).read_bytes()


@may_mount
@pytest.mark.usefixtures("data")
def test_a_fetch_to_a_full_disk_leaves_it_empty(workdir: Path, data: Path) -> None:
    data.rename(workdir / "source")
    done = on_small_disk("data", 8, "kit data fetch -c knn.yaml --source source; echo $?; ls -A data")
    assert done.stdout == "2\n"
    assert done.stderr.splitlines()[0].endswith("data: not enough disk space for the data")


@may_mount
def test_a_full_cache_gets_a_temporary_one(data: Path) -> None:
    done = on_small_disk("data/.cache", 8, "kit data check -c knn.yaml; echo $?; ls -A data/.cache")
    assert done.stdout.endswith("\n0\n")
    assert done.stderr.startswith("note: data/.cache cannot be used (")
    assert not list((data / ".cache").iterdir())


@pytest.mark.usefixtures("data")
def test_runs_that_is_a_file_is_named(workdir: Path) -> None:
    (workdir / "runs").write_text("mine")
    done = workplace.kit(*CV)
    assert done.code == 2
    assert done.err.endswith(
        "kit: runs/mine: Not a directory; move the file away that has the name of a folder\n"
    )
    assert (workdir / "runs").read_text() == "mine"


@pytest.mark.usefixtures("data")
def test_a_read_only_run_folder_is_named(workdir: Path) -> None:
    (workdir / "runs/mine").mkdir(parents=True)
    (workdir / "runs/mine").chmod(0o555)
    done = with_permissions(*CV)
    (workdir / "runs/mine").chmod(0o755)
    assert done.code == 2
    assert done.err.endswith("kit: runs/mine/lock.json: Permission denied; look at the permissions\n")
    assert not list((workdir / "runs/mine").iterdir())


@pytest.mark.slow
def test_a_run_folder_that_is_gone_is_not_created_again(driver: Driver, workdir: Path) -> None:
    process = driver()
    wait_for(lambda: list(workdir.glob("runs/mine/members/[!.]*.npz")))
    (workdir / "runs").rename(workdir / "unmounted")
    _, err = process.communicate(timeout=100)
    assert process.returncode == 2
    assert err.splitlines()[-2:] == [
        "kit: runs/mine: the run's folder was moved or deleted while its members were trained",
        "bring it back, then rerun the same command to resume",
    ]
    assert not (workdir / "runs").exists()
    assert not [path for path in (workdir / "unmounted").rglob(".*") if path.is_file()]


@pytest.mark.parametrize("name", ["gone", "file"])
@pytest.mark.usefixtures("data")
def test_a_temporary_folder_that_is_missing_is_replaced(workdir: Path, name: str) -> None:
    (workdir / "file").touch()
    process = workplace.start("data", "check", "-c", "knn.yaml", env={"TMPDIR": str(workdir / name)})
    assert workplace.ended(process).code == 0
