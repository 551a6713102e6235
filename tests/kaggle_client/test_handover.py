import json
import stat
from pathlib import Path

import certifi
import pytest

from kit.kaggle_client.handover import client_environment
from kit.scratch import scratch

Env = pytest.MonkeyPatch
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def home_folder(tmp_path: Path, monkeypatch: Env) -> Path:
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kaggle").mkdir()
    return tmp_path


def client_home() -> Path:
    return Path(client_environment()["HOME"] or "")


def test_client_has_clean_values_and_a_writable_home(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home_folder / ".kaggle"))
    (home_folder / ".kaggle" / "kaggle.json").write_text('{"username": "me\\n", "key": " some-key"}')
    assert client_home().parent == scratch()
    assert client_environment() == {
        "KAGGLE_API_V1_TOKEN": None,
        "KAGGLE_API_TOKEN": None,
        "KAGGLE_USERNAME": "me",
        "KAGGLE_KEY": "some-key",
        "XDG_CONFIG_HOME": None,
        "HOME": str(client_home()),
        "KAGGLE_CONFIG_DIR": str(client_home() / ".kaggle"),
    }
    assert list((client_home() / ".kaggle").iterdir()) == []


def test_token_is_passed_without_a_key(home_folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    (home_folder / ".kaggle" / "access_token").write_text("KGAT_abc\n")
    changes = client_environment()
    assert (changes["KAGGLE_API_TOKEN"], changes["KAGGLE_KEY"]) == ("KGAT_abc", None)


def test_token_longer_than_a_path_is_passed_in_a_file(monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "x" * 5000)
    assert client_environment()["KAGGLE_API_TOKEN"] is None
    file = client_home() / ".kaggle" / "access_token"
    assert file.read_text() == "x" * 5000
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_login_is_copied_once(home_folder: Path) -> None:
    login = home_folder / ".kaggle" / "credentials.json"
    login.write_text('{"refresh_token": "refresh\\n", "username": "me"}')
    copy = client_home() / ".kaggle" / "credentials.json"
    assert json.loads(copy.read_text()) == {"refresh_token": "refresh", "username": "me"}
    copy.write_text("renewed by the client")
    assert (client_home() / ".kaggle" / "credentials.json").read_text() == "renewed by the client"
    login.write_text('{"refresh_token": "another"}')
    assert json.loads((client_home() / ".kaggle" / "credentials.json").read_text()) == {
        "refresh_token": "another"
    }


@pytest.mark.parametrize("name", BUNDLES)
def test_path_of_the_certificates_is_absolute(home_folder: Path, monkeypatch: Env, name: str) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_abc")
    (home_folder / "ca.pem").symlink_to(certifi.where())
    monkeypatch.chdir(home_folder)
    monkeypatch.setenv(name, "ca.pem")
    assert client_environment()["REQUESTS_CA_BUNDLE"] == str(home_folder / "ca.pem")
