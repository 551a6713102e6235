"""Homes and folders without permission: `kit` in a child process with the real client."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kaggle_server import TOKEN, KaggleServer
from tests.workplace import Ended, ended, write_run

AS_NON_ROOT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
"""Drops root's permission to read and write every file."""

pytestmark = pytest.mark.skipif(
    bool(AS_NON_ROOT) and shutil.which("setpriv") is None, reason="root can read every file"
)


@pytest.fixture
def home_folder(
    workdir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Yield a home with a credentials folder, outside the working folder; restore its permissions."""
    assert workdir.is_dir()
    home = tmp_path_factory.mktemp("home")
    (home / ".kaggle").mkdir()
    monkeypatch.setenv("HOME", str(home))
    yield home
    home.chmod(0o700)
    (home / ".kaggle").chmod(0o700)


def kit(*arguments: str) -> Ended:
    """Run `kit` as a user to whom permissions apply."""
    pipe = subprocess.PIPE
    command = [*AS_NON_ROOT, sys.executable, "-m", "kit", *arguments]
    return ended(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True))


@pytest.mark.parametrize("command", [("--help",), ("doctor",), ("data", "check"), ("runs",)])
def test_home_without_permission_counts_as_empty(home_folder: Path, command: tuple[str, ...]) -> None:
    (home_folder / ".kaggle" / "kaggle.json").write_text("{")
    home_folder.chmod(0)
    done = kit(*command)
    assert (done.code, done.err) == (0, "")


def test_submit_works_with_a_home_without_permission(kaggle: KaggleServer, home_folder: Path) -> None:
    write_run()
    home_folder.chmod(0)
    assert kit("submit", "--wait", "0s").code == 0
    assert len(kaggle.submissions) == 1


@pytest.mark.parametrize("mode", [0, 0o600])
@pytest.mark.parametrize("command", [("data", "check"), ("doctor",)])
def test_unreadable_credentials_folder_is_reported(
    home_folder: Path, command: tuple[str, ...], mode: int
) -> None:
    (home_folder / ".kaggle").chmod(mode)
    done = kit(*command)
    assert done.code == 2
    assert (
        f"{home_folder}/.kaggle: cannot read these Kaggle credentials: Permission denied"
        in done.out + done.err
    )
    assert "sample" not in done.out


@pytest.mark.parametrize("name", ["access_token", "access_token.txt", "kaggle.json", "credentials.json"])
def test_file_with_decimal_mode_600_is_unreadable(home_folder: Path, name: str) -> None:
    file = home_folder / ".kaggle" / name
    file.write_text("{}")
    file.chmod(600)
    done = kit("data", "check")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"kit: {file}: cannot read these Kaggle credentials: Permission denied\n")


def test_login_works_in_a_read_only_folder(
    kaggle: KaggleServer, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    login = {
        "refresh_token": "refresh",
        "access_token": TOKEN,
        "access_token_expiration": "2999-01-01T00:00:00+00:00",
        "username": "somebody",
    }
    (home_folder / ".kaggle" / "credentials.json").write_text(json.dumps(login))
    # The client would fail on these two files.
    (home_folder / ".kaggle" / "kaggle.json").write_text("[]")
    (home_folder / ".kaggle" / "access_token").touch(mode=0)
    (home_folder / ".kaggle").chmod(0o500)
    write_run()
    done = kit("submit", "--wait", "0s")
    assert done.code == 0, done.err
    assert {request.headers["Authorization"] for request in kaggle.requests if request.step == "create"} == {
        f"Bearer {TOKEN}"
    }
