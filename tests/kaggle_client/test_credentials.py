import json
from pathlib import Path

import pytest

from kit.kaggle_client.credentials import config_file, has_credentials, no_credentials, secrets

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
    assert not has_credentials()
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
    write(own_home / ".kaggle/kaggle.json", {"username": "me"})
    assert not has_credentials()
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    assert has_credentials()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"username": "me"}', '{"username": "me", "key": ""}'])
def test_a_broken_kaggle_json_is_none(own_home: Path, content: str) -> None:
    write(own_home / ".kaggle/kaggle.json", content)
    assert not has_credentials()


def test_a_kaggle_json_that_cannot_be_read_is_named(own_home: Path) -> None:
    file = write(own_home / ".kaggle/kaggle.json", "{")
    assert str(no_credentials()).startswith(f"{file}: not readable as JSON")


def test_a_token_as_value_or_as_path(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "token-value")
    assert secrets() == {"token-value"}
    file = write(own_home / "token", " token-in-file\n")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(file))
    assert secrets() == {"token-in-file"}
    file.write_text("")
    assert not has_credentials()


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
    file = write(
        own_home / ".kaggle/credentials.json", {"refresh_token": "refresh", "access_token": "access"}
    )
    assert has_credentials()
    assert secrets() == {"refresh", "access"}
    write(file, {"refresh_token": ""})
    assert not has_credentials()
