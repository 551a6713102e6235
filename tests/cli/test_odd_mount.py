"""`kit` on file systems with unsupported calls: system calls fail in a child process."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kit.run_folder import Run
from tests import workplace
from tests.kaggle_server import KaggleServer
from tests.workplace import Ended, ended, start

SOURCE = Path(__file__).parents[1] / "odd_mount.c"
COMPILER = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(not COMPILER, reason="needs a C compiler")
QUICK = ("cv", "-c", "knn.yaml", "--run", "mine")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("odd") / "odd_mount.so"
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-o", str(built), str(SOURCE), "-ldl"], check=True)
    return built


@pytest.fixture
def on_mount(library: Path) -> Callable[..., Ended]:
    """Return a function that runs `kit` with system calls that fail with the given errno."""

    def run(*arguments: str, under: str = "", **failures: int) -> Ended:
        env = {f"ODD_{call.upper()}": str(number) for call, number in failures.items()}
        return ended(start(*arguments, env={**env, "LD_PRELOAD": str(library), "ODD_UNDER": under}))

    return run


@pytest.fixture
def data(workdir: Path, write_competition: Callable[..., None]) -> Path:
    write_competition(workdir / "data")
    (workdir / "knn.yaml").write_text("models: {knn: {kind: knn}}\nfolds: {count: 2}\n")
    return workdir / "data"


@needs_compiler
@pytest.mark.parametrize("call", ["chmod", "fsync"])
@pytest.mark.parametrize("number", [errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
@pytest.mark.usefixtures("data")
def test_unsupported_chmod_or_fsync_is_ignored(
    on_mount: Callable[..., Ended], call: str, number: int
) -> None:
    checked = on_mount("data", "check", **{call: number})
    assert (checked.code, checked.err) == (0, "")
    assert list(Path("data/.cache").glob("*/meta.json"))


@needs_compiler
def test_cv_works_without_chmod_and_fsync(data: Path, on_mount: Callable[..., Ended]) -> None:
    trained = on_mount(*QUICK, chmod=errno.EPERM, fsync=errno.EINVAL)
    assert (trained.code, "cannot be used" in trained.err) == (0, False)
    assert Run(data.parent / "runs/mine").is_finished()


@needs_compiler
@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.EDQUOT, errno.EACCES, errno.ENOSPC])
def test_unwritable_cache_is_replaced_by_a_temporary_one(
    data: Path, on_mount: Callable[..., Ended], number: int
) -> None:
    checked = on_mount("data", "check", under="data/.cache", open=number)
    assert (checked.code, checked.out.startswith("data/: 60 training")) == (0, True)
    reason = os.strerror(number)
    assert checked.err == (
        f"note: data/.cache cannot be used ({reason}); the data is read into a temporary folder\n"
    )
    assert not list(data.glob(".cache/*"))


@needs_compiler
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL])
@pytest.mark.usefixtures("data")
def test_cv_without_locks_is_refused(on_mount: Callable[..., Ended], number: int) -> None:
    refused = on_mount(*QUICK, flock=number)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        f"kit: runs/mine: this file system does not support locks ({os.strerror(number)})\n"
        "without locks a second kit process could damage the files: use a folder on a local disk\n"
    )
    assert not list(Path("runs").glob("*/*"))


@needs_compiler
@pytest.mark.usefixtures("data")
def test_tune_without_locks_is_refused(on_mount: Callable[..., Ended]) -> None:
    refused = on_mount("tune", "-c", "quick", "--study", "s", "--trials", "1", flock=errno.ENOLCK)
    assert refused.code == 2
    assert "kit: runs/tune-s: this file system does not support locks (No locks available)\n" in refused.err


@needs_compiler
@pytest.mark.usefixtures("kaggle")
def test_submit_without_locks_is_refused(kaggle: KaggleServer, on_mount: Callable[..., Ended]) -> None:
    workplace.write_run()
    refused = on_mount("submit", flock=errno.ENOSYS)
    assert refused.code == 2
    assert refused.err.splitlines()[-2] == (
        "kit: submissions: this file system does not support locks (Function not implemented)"
    )
    assert not kaggle.submissions


@needs_compiler
def test_data_fetch_works_without_locks(
    workdir: Path, write_competition: Callable[..., None], on_mount: Callable[..., Ended]
) -> None:
    write_competition(workdir / "source")
    fetched = on_mount("data", "fetch", "--source", "source", flock=errno.ENOLCK, chmod=errno.EPERM)
    assert (fetched.code, fetched.err) == (0, "")
    assert (workdir / "data/train.csv").read_bytes() == (workdir / "source/train.csv").read_bytes()


def with_permissions(*arguments: str) -> Ended:
    """Run `kit` as a user to whom permissions apply; root drops its privilege to ignore them."""
    command = [sys.executable, "-m", "kit", *arguments]
    if os.getuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("permissions do not apply to root")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def test_cache_without_permission_is_not_used(data: Path) -> None:
    (data / ".cache").mkdir(mode=0o000)
    checked = with_permissions("data", "check")
    assert (checked.code, checked.out.startswith("data/: 60 training")) == (0, True)
    assert checked.err.startswith("note: data/.cache cannot be used (")
    assert checked.err.count("\n") == 1
    (data / ".cache").chmod(0o755)
    assert list((data / ".cache").iterdir()) == []


def test_read_only_data_directory_is_read(data: Path) -> None:
    data.chmod(0o555)
    checked = with_permissions("data", "check")
    assert (checked.code, checked.err.count("note: data/.cache cannot be used")) == (0, 1)


def test_unreadable_cache_entry_is_not_used(data: Path) -> None:
    assert workplace.kit("data", "check").code == 0
    [entry] = [path for path in (data / ".cache").iterdir() if path.is_dir()]
    entry.chmod(0o000)
    (data / ".cache").chmod(0o555)
    checked = with_permissions("data", "check")
    assert (checked.code, checked.err.count("note: ")) == (0, 1)
    entry.chmod(0o755)
    assert np.load(entry / "train_labels.npy").shape == (60,)


@pytest.mark.parametrize(("path", "mode"), [("", 0o000), ("", 0o600), ("run.json", 0o000)])
def test_unreadable_run_is_listed(workdir: Path, path: str, mode: int) -> None:
    workplace.write_run("good")
    workplace.write_run("secret")
    (workdir / "runs/secret" / path).chmod(mode)
    listed = with_permissions("runs")
    (workdir / "runs/secret").chmod(0o755)
    assert listed.code == 0
    good, secret = (line.split() for line in listed.out.splitlines()[2:])
    assert (good[0], "complete" in good) == ("good", True)
    assert (secret[0], "unreadable" in secret) == ("secret", True)
    assert listed.err == "runs/secret/run.json: cannot be read: Permission denied\nlook at the permissions\n"
