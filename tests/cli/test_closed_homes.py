"""Homes and folders that are closed to this user: `kit` in a child process, the real client."""

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

AS_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
"""Takes away that root may read and write everything."""

pytestmark = pytest.mark.skipif(
    bool(AS_OTHERS) and shutil.which("setpriv") is None, reason="root may read everything here"
)


@pytest.fixture
def own(
    workdir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Return a home with a folder for credentials, away from the working folder; it is opened at the end."""
    assert workdir.is_dir()
    home = tmp_path_factory.mktemp("home")
    (home / ".kaggle").mkdir()
    monkeypatch.setenv("HOME", str(home))
    yield home
    home.chmod(0o700)
    (home / ".kaggle").chmod(0o700)


def kit(*arguments: str) -> Ended:
    """Run `kit` as a user who is bound by permissions."""
    pipe = subprocess.PIPE
    command = [*AS_OTHERS, sys.executable, "-m", "kit", *arguments]
    return ended(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True))


@pytest.mark.parametrize("command", [("--help",), ("doctor",), ("data", "check"), ("runs",)])
def test_a_home_that_is_closed_is_no_home(own: Path, command: tuple[str, ...]) -> None:
    (own / ".kaggle" / "kaggle.json").write_text("{")
    own.chmod(0)
    done = kit(*command)
    assert (done.code, done.err) == (0, "")


def test_with_a_closed_home_a_submission_is_sent(kaggle: KaggleServer, own: Path) -> None:
    write_run()
    own.chmod(0)
    assert kit("submit", "--wait", "0s").code == 0
    assert len(kaggle.submissions) == 1


@pytest.mark.parametrize("mode", [0, 0o600])
@pytest.mark.parametrize("command", [("data", "check"), ("doctor",)])
def test_a_folder_of_credentials_that_is_closed_is_named(
    own: Path, command: tuple[str, ...], mode: int
) -> None:
    (own / ".kaggle").chmod(mode)
    done = kit(*command)
    assert done.code == 2
    assert f"{own}/.kaggle: these Kaggle credentials cannot be read: Permission denied" in done.out + done.err
    assert "sample" not in done.out


@pytest.mark.parametrize("name", ["access_token", "access_token.txt", "kaggle.json", "credentials.json"])
def test_a_file_with_the_mode_600_in_decimal_is_named(own: Path, name: str) -> None:
    file = own / ".kaggle" / name
    file.write_text("{}")
    file.chmod(600)
    done = kit("data", "check")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"kit: {file}: these Kaggle credentials cannot be read: Permission denied\n")


def test_a_login_works_from_a_folder_that_cannot_be_written_to(
    kaggle: KaggleServer, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    login = {
        "refresh_token": "refresh",
        "access_token": TOKEN,
        "access_token_expiration": "2999-01-01T00:00:00+00:00",
        "username": "somebody",
    }
    (own / ".kaggle" / "credentials.json").write_text(json.dumps(login))
    # The client would fail at these two.
    (own / ".kaggle" / "kaggle.json").write_text("[]")
    (own / ".kaggle" / "access_token").touch(mode=0)
    (own / ".kaggle").chmod(0o500)
    write_run()
    done = kit("submit", "--wait", "0s")
    assert done.code == 0, done.err
    assert {request.headers["Authorization"] for request in kaggle.requests if request.step == "create"} == {
        f"Bearer {TOKEN}"
    }
