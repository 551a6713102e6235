import json
import os
import re
from pathlib import Path

import pytest

from kit.errors import UserError
from kit.kaggle_client.credentials import (
    config_file,
    credentials,
    has_credentials,
    no_credentials,
    refused,
    secrets,
    unusable,
)

Env = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def home_folder(tmp_path: Path, monkeypatch: Env) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_no_credentials_by_default() -> None:
    assert not has_credentials()
    assert secrets() == set()


def test_user_and_key_in_the_environment(monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    with pytest.raises(UserError, match="KAGGLE_KEY: set without KAGGLE_USERNAME"):
        has_credentials()
    assert secrets() == {"some-key"}
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    assert has_credentials()


@pytest.mark.parametrize("place", [".kaggle", ".config/kaggle", "own"])
def test_kaggle_json_where_the_client_looks(home_folder: Path, monkeypatch: Env, place: str) -> None:
    if place == "own":
        monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home_folder / "own"))
    file = write(home_folder / place / "kaggle.json", {"username": "me", "key": "some-key"})
    assert config_file() == file
    assert has_credentials()
    assert secrets() == {"some-key"}


def test_existing_dot_kaggle_precedes_xdg(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home_folder / "xdg"))
    write(home_folder / "xdg/kaggle/kaggle.json", {"username": "me", "key": "some-key"})
    assert has_credentials()
    (home_folder / ".kaggle").mkdir()
    assert not has_credentials()


def test_variable_completes_kaggle_json(home_folder: Path, monkeypatch: Env) -> None:
    file = write(home_folder / ".kaggle/kaggle.json", {"username": "me"})
    with pytest.raises(UserError, match="key missing"):
        has_credentials()
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    [found] = credentials()
    assert found.source == f"{file} and KAGGLE_KEY"
    assert found.values == ("me", "some-key")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"{", "not readable as JSON: "),
        (b"[]", "not a JSON object\nreceived list"),
        (b"{}", "username missing\nexpected username and key, received no keys"),
        (b'{"user": "me", "token": "x"}', "username missing\nexpected .*, received the keys user, token"),
        (b'{"username": "me", "key": ""}', "key missing\nexpected username and key, received an empty key"),
        (b'{"username": "me", "key": 5}', "key missing\nexpected .*, received a key that is not a string"),
        (b'\xef\xbb\xbf{"username": "me", "key": "k"}', "starts with a byte order mark"),
        ('{"username": "me", "key": "k"}'.encode("utf-16"), "starts with UTF-16 text"),
        (b'{"username": "me", "key": "\xff"}', "not text in UTF-8"),
        (
            '{"username": "мария", "key": "k"}'.encode(),
            "the username contains an invalid character",
        ),
    ],
)
def test_invalid_kaggle_json_is_named_with_the_reason(
    home_folder: Path, content: bytes, message: str
) -> None:
    file = write(home_folder / ".kaggle/kaggle.json", "")
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"^{re.escape(str(file))}: {message}"):
        has_credentials()
    assert str(no_credentials()).startswith(f"{file}: ")
    assert len(unusable()) == 1


def test_folder_instead_of_the_file_is_refused(home_folder: Path) -> None:
    (home_folder / ".kaggle/kaggle.json").mkdir(parents=True)
    with pytest.raises(
        UserError, match=r"kaggle\.json: not a credentials file\nexpected a file, received a folder"
    ):
        has_credentials()


def test_pipe_instead_of_the_file_is_refused(home_folder: Path) -> None:
    (home_folder / ".kaggle").mkdir()
    os.mkfifo(home_folder / ".kaggle/kaggle.json")
    with pytest.raises(
        UserError, match=r"kaggle\.json: not a credentials file\nexpected a file, received a pipe"
    ):
        has_credentials()


def test_file_instead_of_the_configured_folder_is_refused(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(write(home_folder / "file", "")))
    with pytest.raises(UserError, match=r"file: not a folder for Kaggle credentials"):
        has_credentials()


def test_invalid_file_is_ignored_if_other_credentials_are_usable(home_folder: Path, monkeypatch: Env) -> None:
    write(home_folder / ".kaggle/kaggle.json", "{")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_abc")
    assert [credential.source for credential in credentials()] == ["KAGGLE_API_TOKEN"]
    assert [error.where for error in unusable()] == [str(home_folder / ".kaggle/kaggle.json")]


@pytest.mark.parametrize("space", [" {}\r\n", "{}\n", "\t{}", "{}\N{NO-BREAK SPACE}"])
def test_white_space_is_stripped(home_folder: Path, monkeypatch: Env, space: str) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", space.format("me"))
    monkeypatch.setenv("KAGGLE_KEY", space.format("some-key"))
    assert credentials()[0].values == ("me", "some-key")
    monkeypatch.setenv("KAGGLE_API_TOKEN", space.format("KGAT_abc"))
    assert credentials()[0].values == ("KGAT_abc",)
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    write(home_folder / ".kaggle/access_token", space.format("KGAT_def"))
    assert credentials()[0].values == ("KGAT_def",)


@pytest.mark.parametrize(
    ("value", "received"),
    [
        ("\ufeffKGAT_abc", "a byte order mark"),
        ("KGAT_a\nbc", "a line break"),
        ("KGAT_a bc", "a space"),
        ("KGAT_абв", r"\u0430"),
        ("KGAT_\x07", r"\x07"),
    ],
)
def test_invalid_character_is_named(monkeypatch: Env, value: str, received: str) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", value)
    with pytest.raises(UserError) as error:
        has_credentials()
    assert (error.value.where, error.value.received) == ("KAGGLE_API_TOKEN", received)


def test_token_file_with_a_byte_order_mark_is_refused(home_folder: Path) -> None:
    file = write(home_folder / ".kaggle/access_token", "\ufeffKGAT_abc")
    with pytest.raises(UserError, match=f"{file}: starts with a byte order mark"):
        has_credentials()


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_without_a_home_there_are_no_files(monkeypatch: Env, home: str | None) -> None:
    # A user without an entry in /etc/passwd has no other home.
    monkeypatch.setattr("os.path.expanduser", lambda path: home or path)
    assert not has_credentials()
    assert config_file() is None
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_abc")
    assert has_credentials()


def test_home_that_is_a_file_has_no_credentials(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("HOME", str(write(home_folder / "file", "")))
    assert not has_credentials()


def test_missing_config_folder_is_an_error(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home_folder / "absent"))
    with pytest.raises(UserError, match=r"KAGGLE_CONFIG_DIR=.*absent: there is no such folder"):
        has_credentials()


def test_missing_token_file_is_an_error(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(home_folder / "absent"))
    with pytest.raises(UserError, match=r"KAGGLE_API_TOKEN=.*absent: there is no such file"):
        has_credentials()


def test_refused_credentials_are_named_with_their_source(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    assert str(refused("HTTP 401")).startswith(
        "KAGGLE_USERNAME and KAGGLE_KEY: Kaggle refuses these credentials\nreceived HTTP 401\n"
    )
    file = write(home_folder / ".kaggle/access_token", "KGAT_abc")
    assert str(refused()).startswith(f"{file}: Kaggle refuses this token\nif it expired or was revoked, ")


def test_token_as_value_or_as_path(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "token-value")
    assert secrets() == {"token-value"}
    file = write(home_folder / "token", " token-in-file\n")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(file))
    assert secrets() == {"token-in-file"}
    file.write_text("")
    with pytest.raises(UserError, match=f"{file}: the file is empty"):
        has_credentials()


def test_token_longer_than_a_path(monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "x" * 5000)
    assert has_credentials()


@pytest.mark.parametrize("name", ["access_token", "access_token.txt"])
def test_token_file(home_folder: Path, name: str) -> None:
    write(home_folder / ".kaggle" / name, "token-in-file\n")
    assert has_credentials()
    assert secrets() == {"token-in-file"}


def test_token_of_a_notebook(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_V1_TOKEN", str(write(home_folder / "notebook", "token-of-notebook")))
    assert not has_credentials()
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert not has_credentials()
    monkeypatch.setenv("KAGGLE_DATA_PROXY_URL", "http://localhost")
    assert has_credentials()


def test_login_by_browser(home_folder: Path) -> None:
    write(home_folder / ".kaggle/credentials.json", {"refresh_token": "refresh", "access_token": "access"})
    assert has_credentials()
    assert secrets() == {"refresh", "access"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"refresh_token": ""}, "refresh_token missing"),
        ({"username": "me", "key": "some-key"}, "refresh_token missing"),
        ({"refresh_token": 1}, "refresh_token missing"),
        ({"refresh_token": "a", "access_token_expiration": "soon"}, "access_token_expiration is not a date"),
        ({"refresh_token": "a", "access_token": "\ufeffb"}, "the access_token contains an invalid"),
        ("", "the file is empty"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "not readable as JSON"),
    ],
)
def test_invalid_login_is_refused(home_folder: Path, content: object, message: str) -> None:
    file = write(home_folder / ".kaggle/credentials.json", content)
    with pytest.raises(UserError, match=f"^{re.escape(str(file))}: {message}"):
        has_credentials()


@pytest.mark.parametrize("name", ["access_token", "access_token.txt"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty\nexpected a token"),
        (b"\n", "the file is empty"),
        (b"\xff\xfeK\0", "starts with UTF-16 text"),
        (b"KGAT_\xff", "not text in UTF-8"),
    ],
)
def test_invalid_token_file_is_refused(home_folder: Path, name: str, content: bytes, message: str) -> None:
    file = write(home_folder / ".kaggle" / name, "")
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"^{re.escape(str(file))}: {message}"):
        has_credentials()


@pytest.mark.parametrize("name", ["access_token", "kaggle.json", "credentials.json"])
def test_reading_a_pipe_does_not_block(home_folder: Path, name: str) -> None:
    (home_folder / ".kaggle").mkdir()
    os.mkfifo(home_folder / ".kaggle" / name)
    with pytest.raises(UserError, match=f"{name}: not a credentials file"):
        has_credentials()
    assert secrets() == set()


@pytest.mark.parametrize("name", ["access_token", "kaggle.json", "credentials.json"])
def test_broken_link_is_refused(home_folder: Path, name: str) -> None:
    (home_folder / ".kaggle").mkdir()
    (home_folder / ".kaggle" / name).symlink_to("missing")
    with pytest.raises(UserError, match=f"{name}: cannot read these Kaggle credentials: No such file"):
        has_credentials()


def test_file_instead_of_the_folder_is_reported_once(home_folder: Path) -> None:
    write(home_folder / ".kaggle", "KGAT_abc")
    assert [error.where for error in unusable()] == [str(home_folder / ".kaggle")]
    with pytest.raises(UserError, match="not a folder for Kaggle credentials"):
        has_credentials()


@pytest.mark.parametrize(
    ("name", "value"),
    [("KAGGLE_API_TOKEN", "/absent"), ("KAGGLE_API_TOKEN", "KGAT_é"), ("KAGGLE_KEY", "a\x07b")],
)
def test_invalid_variable_is_not_ignored(home_folder: Path, monkeypatch: Env, name: str, value: str) -> None:
    write(home_folder / ".kaggle/kaggle.json", {"username": "me", "key": "some-key"})
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=name):
        has_credentials()
