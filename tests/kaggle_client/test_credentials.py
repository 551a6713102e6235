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
def own_home(tmp_path: Path, monkeypatch: Env) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_there_are_none_to_begin_with() -> None:
    assert not has_credentials()
    assert secrets() == set()


def test_user_and_key_in_the_environment(monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    with pytest.raises(UserError, match="KAGGLE_KEY: it is set, KAGGLE_USERNAME is not"):
        has_credentials()
    assert secrets() == {"some-key"}
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    assert has_credentials()


@pytest.mark.parametrize("place", [".kaggle", ".config/kaggle", "own"])
def test_kaggle_json_where_the_client_looks(own_home: Path, monkeypatch: Env, place: str) -> None:
    if place == "own":
        monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(own_home / "own"))
    file = write(own_home / place / "kaggle.json", {"username": "me", "key": "some-key"})
    assert config_file() == file
    assert has_credentials()
    assert secrets() == {"some-key"}


def test_an_existing_dot_kaggle_goes_before_xdg(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own_home / "xdg"))
    write(own_home / "xdg/kaggle/kaggle.json", {"username": "me", "key": "some-key"})
    assert has_credentials()
    (own_home / ".kaggle").mkdir()
    assert not has_credentials()


def test_the_environment_completes_kaggle_json(own_home: Path, monkeypatch: Env) -> None:
    file = write(own_home / ".kaggle/kaggle.json", {"username": "me"})
    with pytest.raises(UserError, match="it has no key"):
        has_credentials()
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    [found] = credentials()
    assert found.source == f"{file} and KAGGLE_KEY"
    assert found.values == ("me", "some-key")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"{", "not readable as JSON: "),
        (b"[]", "not a JSON object\nreceived list"),
        (b"{}", "it has no username\nexpected username and key, received the keys none"),
        (b'{"user": "me", "token": "x"}', "it has no username\nexpected .*, received the keys user, token"),
        (b'{"username": "me", "key": ""}', "it has no key\nexpected username and key, received an empty key"),
        (b'{"username": "me", "key": 5}', "it has no key"),
        (b'\xef\xbb\xbf{"username": "me", "key": "k"}', "it begins with a byte order mark"),
        ('{"username": "me", "key": "k"}'.encode("utf-16"), "it begins with UTF-16 text"),
        (b'{"username": "me", "key": "\xff"}', "not text in UTF-8"),
        (
            '{"username": "мария", "key": "k"}'.encode(),
            "the username has a character that Kaggle's never have",
        ),
    ],
)
def test_a_kaggle_json_that_cannot_be_used_is_named_with_the_reason(
    own_home: Path, content: bytes, what: str
) -> None:
    file = write(own_home / ".kaggle/kaggle.json", "")
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"^{re.escape(str(file))}: {what}"):
        has_credentials()
    assert str(no_credentials()).startswith(f"{file}: ")
    assert len(unusable()) == 1


def test_a_folder_in_place_of_the_file_is_named(own_home: Path) -> None:
    (own_home / ".kaggle/kaggle.json").mkdir(parents=True)
    with pytest.raises(UserError, match=r"kaggle\.json: a folder in place of a credentials file"):
        has_credentials()


def test_a_pipe_in_place_of_the_file_is_named_and_not_read(own_home: Path) -> None:
    (own_home / ".kaggle").mkdir()
    os.mkfifo(own_home / ".kaggle/kaggle.json")
    with pytest.raises(UserError, match=r"kaggle\.json: something other than a file in place of"):
        has_credentials()


def test_a_file_in_place_of_the_named_folder_is_said(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(write(own_home / "file", "")))
    with pytest.raises(UserError, match=r"file: a file in place of the folder of Kaggle"):
        has_credentials()


def test_other_credentials_make_an_unusable_file_harmless(own_home: Path, monkeypatch: Env) -> None:
    write(own_home / ".kaggle/kaggle.json", "{")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_abc")
    assert [found.source for found in credentials()] == ["KAGGLE_API_TOKEN"]
    assert [error.where for error in unusable()] == [str(own_home / ".kaggle/kaggle.json")]


@pytest.mark.parametrize("space", [" {}\r\n", "{}\n", "\t{}", "{}\N{NO-BREAK SPACE}"])
def test_white_space_around_a_value_is_stripped(own_home: Path, monkeypatch: Env, space: str) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", space.format("me"))
    monkeypatch.setenv("KAGGLE_KEY", space.format("some-key"))
    assert credentials()[0].values == ("me", "some-key")
    monkeypatch.setenv("KAGGLE_API_TOKEN", space.format("KGAT_abc"))
    assert credentials()[0].values == ("KGAT_abc",)
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    write(own_home / ".kaggle/access_token", space.format("KGAT_def"))
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
def test_a_character_that_no_token_has_is_named(monkeypatch: Env, value: str, received: str) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", value)
    with pytest.raises(UserError) as error:
        has_credentials()
    assert (error.value.where, error.value.received) == ("KAGGLE_API_TOKEN", received)


def test_a_token_file_with_a_byte_order_mark_is_named(own_home: Path) -> None:
    file = write(own_home / ".kaggle/access_token", "\ufeffKGAT_abc")
    with pytest.raises(UserError, match=f"{file}: it begins with a byte order mark"):
        has_credentials()


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_without_a_home_there_are_no_files(monkeypatch: Env, home: str | None) -> None:
    # A user without an entry in the system's list of users has no other home.
    monkeypatch.setattr("os.path.expanduser", lambda path: home or path)
    assert not has_credentials()
    assert config_file() is None
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_abc")
    assert has_credentials()


def test_a_home_that_is_a_file_has_no_files(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("HOME", str(write(own_home / "file", "")))
    assert not has_credentials()


def test_a_folder_that_was_named_and_is_not_there_is_an_error(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(own_home / "absent"))
    with pytest.raises(UserError, match=r"KAGGLE_CONFIG_DIR=.*absent: there is no such folder"):
        has_credentials()


def test_a_token_file_that_was_named_and_is_not_there_is_an_error(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(own_home / "absent"))
    with pytest.raises(UserError, match=r"KAGGLE_API_TOKEN=.*absent: there is no such file"):
        has_credentials()


def test_refused_credentials_are_named_with_their_place(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    assert str(refused("HTTP 401")).startswith(
        "KAGGLE_USERNAME and KAGGLE_KEY: Kaggle refuses these credentials\nreceived HTTP 401\n"
    )
    file = write(own_home / ".kaggle/access_token", "KGAT_abc")
    assert str(refused()).startswith(f"{file}: Kaggle refuses this token\nexpired, or revoked?")


def test_a_token_as_value_or_as_path(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "token-value")
    assert secrets() == {"token-value"}
    file = write(own_home / "token", " token-in-file\n")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(file))
    assert secrets() == {"token-in-file"}
    file.write_text("")
    with pytest.raises(UserError, match=f"{file}: the file is empty"):
        has_credentials()


def test_a_token_too_long_for_a_path(monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "x" * 5000)
    assert has_credentials()


@pytest.mark.parametrize("name", ["access_token", "access_token.txt"])
def test_a_token_file(own_home: Path, name: str) -> None:
    write(own_home / ".kaggle" / name, "token-in-file\n")
    assert has_credentials()
    assert secrets() == {"token-in-file"}


def test_the_token_of_a_notebook(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_V1_TOKEN", str(write(own_home / "notebook", "token-of-notebook")))
    assert not has_credentials()
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert not has_credentials()
    monkeypatch.setenv("KAGGLE_DATA_PROXY_URL", "http://localhost")
    assert has_credentials()


def test_a_login_by_browser(own_home: Path) -> None:
    write(own_home / ".kaggle/credentials.json", {"refresh_token": "refresh", "access_token": "access"})
    assert has_credentials()
    assert secrets() == {"refresh", "access"}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"refresh_token": ""}, "it has no refresh_token"),
        ({"username": "me", "key": "some-key"}, "it has no refresh_token"),
        ({"refresh_token": 1}, "it has no refresh_token"),
        ({"refresh_token": "a", "access_token_expiration": "soon"}, "its access_token_expiration is no time"),
        ({"refresh_token": "a", "access_token": "\ufeffb"}, "the access_token has a character"),
        ("", "the file is empty"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "not readable as JSON"),
    ],
)
def test_a_login_that_cannot_be_used_is_named(own_home: Path, content: object, what: str) -> None:
    file = write(own_home / ".kaggle/credentials.json", content)
    with pytest.raises(UserError, match=f"^{re.escape(str(file))}: {what}"):
        has_credentials()


@pytest.mark.parametrize("name", ["access_token", "access_token.txt"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty\nexpected a token"),
        (b"\n", "the file is empty"),
        (b"\xff\xfeK\0", "it begins with UTF-16 text"),
        (b"KGAT_\xff", "not text in UTF-8"),
    ],
)
def test_a_token_file_that_cannot_be_used_is_named(
    own_home: Path, name: str, content: bytes, what: str
) -> None:
    file = write(own_home / ".kaggle" / name, "")
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"^{re.escape(str(file))}: {what}"):
        has_credentials()


@pytest.mark.parametrize("name", ["access_token", "kaggle.json", "credentials.json"])
def test_a_pipe_is_not_waited_for(own_home: Path, name: str) -> None:
    (own_home / ".kaggle").mkdir()
    os.mkfifo(own_home / ".kaggle" / name)
    with pytest.raises(UserError, match=f"{name}: something other than a file in place"):
        has_credentials()
    assert secrets() == set()


@pytest.mark.parametrize("name", ["access_token", "kaggle.json", "credentials.json"])
def test_a_link_that_leads_nowhere_is_named(own_home: Path, name: str) -> None:
    (own_home / ".kaggle").mkdir()
    (own_home / ".kaggle" / name).symlink_to("gone")
    with pytest.raises(UserError, match=f"{name}: these Kaggle credentials cannot be read: No such file"):
        has_credentials()


def test_a_file_in_place_of_the_folder_is_named_once(own_home: Path) -> None:
    write(own_home / ".kaggle", "KGAT_abc")
    assert [error.where for error in unusable()] == [str(own_home / ".kaggle")]
    with pytest.raises(UserError, match="a file in place of the folder"):
        has_credentials()


@pytest.mark.parametrize(
    ("name", "value"),
    [("KAGGLE_API_TOKEN", "/absent"), ("KAGGLE_API_TOKEN", "KGAT_é"), ("KAGGLE_KEY", "a\x07b")],
)
def test_a_variable_that_cannot_be_used_is_not_passed_over(
    own_home: Path, monkeypatch: Env, name: str, value: str
) -> None:
    write(own_home / ".kaggle/kaggle.json", {"username": "me", "key": "some-key"})
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=name):
        has_credentials()
