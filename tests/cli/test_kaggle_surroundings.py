"""Invalid credentials, certificates, proxies and homes: `kit` in a child process with the real client."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.submitting.ledger import Ledger, Record
from tests.kaggle_server import KEY, TOKEN, KaggleServer
from tests.workplace import HERE, Ended, ended, kit, start, write_run

AS_NOBODY = ["unshare", "--user", "--map-user=54321"]
"""Runs a command as a user without an entry in /etc/passwd."""


def _no_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return True
    return subprocess.run([*AS_NOBODY, "true"], capture_output=True, check=False).returncode != 0


needs_namespaces = pytest.mark.skipif(_no_namespaces(), reason="the system allows no user namespaces")


@pytest.fixture
def home_folder(
    workdir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return an empty home outside the working folder."""
    assert workdir.is_dir()
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    return home


def as_nobody(*arguments: str, home: str | None) -> Ended:
    """Run `kit` as a user without an entry in /etc/passwd, who owns the files of this process."""
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    if home is not None:
        environment["HOME"] = home
    process = subprocess.Popen(
        [*AS_NOBODY, sys.executable, "-m", "kit", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return ended(process)


@needs_namespaces
@pytest.mark.parametrize("home", [None, "/proc", "/nonexistent"])
def test_doctor_and_data_work_without_a_home(workdir: Path, home: str | None) -> None:
    assert workdir.is_dir()
    done = as_nobody("doctor", home=home)
    assert done.code == 0, done.err
    assert "credentials  none" in done.out
    assert as_nobody("data", "check", home=home).out.startswith("the bundled sample: 2,400 training")


@needs_namespaces
@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("command", [("runs",), ("doctor",), ("data", "check")])
def test_home_without_permission_counts_as_empty(home_folder: Path, command: tuple[str, ...]) -> None:
    home_folder.chmod(0o700)
    os.chown(home_folder, 12345, 12345)
    done = as_nobody(*command, home=str(home_folder))
    assert (done.code, done.err) == (0, "")


@needs_namespaces
@pytest.mark.parametrize("home", [None, "/proc", "/nonexistent"])
def test_submit_works_without_a_home(kaggle: KaggleServer, home: str | None) -> None:
    write_run()
    done = as_nobody("submit", home=home)
    assert done.code == 0, done.err
    assert len(kaggle.submissions) == 1


def test_refused_token_is_reported_with_its_variable(
    kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_expired")
    write_run()
    done = kit("submit")
    assert done.code == 2
    assert done.err.splitlines()[-2] == "kit: KAGGLE_API_TOKEN: Kaggle refuses this token"
    assert kaggle.count("limits") == 0


def test_refused_token_is_reported_with_its_file(
    kaggle: KaggleServer, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    (home_folder / ".kaggle").mkdir()
    (home_folder / ".kaggle" / "access_token").write_text("KGAT_expired\n")
    assert (
        f"kit: {home_folder}/.kaggle/access_token: Kaggle refuses this token"
        in kit("data", "fetch", "--source", "kaggle").err
    )
    assert kaggle.count("data") == 0


def test_refused_token_is_not_combined_with_a_key(
    kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_expired")
    write_run()
    done = kit("submit")
    assert done.code == 2
    assert done.err.splitlines()[-2] == "kit: KAGGLE_API_TOKEN: Kaggle refuses this token"
    assert {request.step for request in kaggle.requests} == {"introspect"}


def test_long_token_of_a_notebook_works(
    kaggle: KaggleServer, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "eyJ" + 200 * "abcde"
    kaggle.token = token
    monkeypatch.delenv("KAGGLE_KEY")
    (home_folder / "token").write_text(token)
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    monkeypatch.setenv("KAGGLE_DATA_PROXY_URL", "http://localhost")
    monkeypatch.setenv("KAGGLE_API_V1_TOKEN", str(home_folder / "token"))
    write_run()
    done = kit("submit", "--wait", "0s")
    assert done.code == 0, done.err
    assert token not in done.err
    assert len(kaggle.submissions) == 1


@pytest.mark.parametrize("value", [f"{TOKEN}\n", f"{TOKEN}\r\n", f"  {TOKEN}"])
def test_token_with_white_space_works(
    kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("KAGGLE_API_TOKEN", value)
    write_run()
    assert kit("submit").code == 0
    assert len(kaggle.submissions) == 1


def test_token_file_with_a_byte_order_mark_is_refused(
    kaggle: KaggleServer, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    (home_folder / ".kaggle").mkdir()
    (home_folder / ".kaggle" / "access_token").write_text(f"\ufeff{TOKEN}")
    write_run()
    done = kit("submit")
    assert done.code == 2
    assert f"{home_folder}/.kaggle/access_token: starts with a byte order mark" in done.err
    assert kaggle.requests == []


def test_non_ascii_user_name_is_refused(kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "мария")
    write_run()
    done = kit("submit")
    assert done.code == 2
    assert "KAGGLE_USERNAME: the username contains an invalid character" in done.err
    assert kaggle.requests == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "REQUESTS_CA_BUNDLE",
            "/opt/corp/ca.pem",
            "REQUESTS_CA_BUNDLE=/opt/corp/ca.pem: there is no such file",
        ),
        ("ALL_PROXY", "socks5h://127.0.0.1:1080", "ALL_PROXY: a socks5h proxy needs PySocks"),
        ("https_proxy", "http://127.0.0.1:nonsense", "https_proxy: not a valid proxy URL"),
        ("HTTPS_PROXY", "gopher://127.0.0.1:70", "HTTPS_PROXY: unsupported proxy scheme"),
    ],
)
def test_invalid_variable_fails_without_retries(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    assert workdir.is_dir()
    for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(proxy, raising=False)
        monkeypatch.delenv(proxy.upper(), raising=False)
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    monkeypatch.setenv(name, value)
    done = kit("data", "fetch", "--source", "kaggle")
    assert (done.code, done.err.splitlines()[0]) == (2, f"kit: {message}") or message in done.err
    assert "retrying" not in done.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not readable as JSON"),
        (b'{"user": "me", "token": "x"}', "username missing"),
        (b'\xef\xbb\xbf{"username": "me", "key": "0123456789"}', "starts with a byte order mark"),
        ('{"username": "me", "key": "0123456789"}'.encode("utf-16"), "starts with UTF-16 text"),
        (b"", "the file is empty"),
    ],
)
@pytest.mark.parametrize("command", [("data", "check"), ("cv", "-c", "lenet-plain"), ("data", "fetch")])
def test_invalid_kaggle_json_never_selects_the_sample(
    home_folder: Path, command: tuple[str, ...], content: bytes, message: str
) -> None:
    file = home_folder / ".kaggle" / "kaggle.json"
    file.parent.mkdir()
    file.write_bytes(content)
    done = kit(*command)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"kit: {file}: {message}")
    assert not (HERE / "runs").exists()


def test_doctor_lists_each_invalid_credentials_file(home_folder: Path) -> None:
    (home_folder / ".kaggle").mkdir()
    (home_folder / ".kaggle" / "kaggle.json").write_text("{")
    (home_folder / ".kaggle" / "access_token").write_text("\ufeffKGAT_abc")
    found = json.loads(kit("doctor", "--json").out)
    problems = [problem["what"] for problem in found["problems"]]
    assert any(f"{home_folder}/.kaggle/kaggle.json: not readable as JSON" in problem for problem in problems)
    assert any(
        f"{home_folder}/.kaggle/access_token: starts with a byte order mark" in problem
        for problem in problems
    )


@pytest.mark.parametrize("command", [("data", "check"), ("--help",)])
def test_pipe_instead_of_a_token_does_not_block(home_folder: Path, command: tuple[str, ...]) -> None:
    (home_folder / ".kaggle").mkdir()
    os.mkfifo(home_folder / ".kaggle" / "access_token")
    done = ended(start(*command), timeout=30)
    assert done.code == (2 if command[0] == "data" else 0)
    assert "sample" not in done.out


def test_submissions_are_listed_despite_invalid_credentials(home_folder: Path) -> None:
    Ledger().append(Record("kit-1", "pending", "digit-recognizer", "a", "submissions/a.csv", "00", "a"))
    (home_folder / ".kaggle").mkdir()
    (home_folder / ".kaggle" / "kaggle.json").write_text("{")
    done = kit("submissions")
    assert done.code == 2
    assert done.out.splitlines()[-1].startswith("a ")
    assert done.err.startswith(f"kit: {home_folder}/.kaggle/kaggle.json: not readable as JSON")


@needs_namespaces
@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another user")
def test_credentials_file_of_another_user_is_unreadable(home_folder: Path) -> None:
    file = home_folder / ".kaggle" / "kaggle.json"
    file.parent.mkdir()
    file.write_text('{"username": "me", "key": "0123456789"}')
    file.chmod(0o600)
    os.chown(file, 12345, 12345)
    done = as_nobody("data", "check", home=str(home_folder))
    assert done.code == 2
    assert f"{file}: cannot read these Kaggle credentials: Permission denied" in done.err
    assert f"chmod u+r {file}" in done.err
