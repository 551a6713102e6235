import json
import stat
from pathlib import Path

import certifi
import pytest

from kit.kaggle_client.handover import variables
from kit.scratch import scratch

Env = pytest.MonkeyPatch
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: Env) -> Path:
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kaggle").mkdir()
    return tmp_path


def home() -> Path:
    return Path(variables()["HOME"] or "")


def test_the_client_gets_values_and_folders_that_it_can_write_to(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(own_home / ".kaggle"))
    (own_home / ".kaggle" / "kaggle.json").write_text('{"username": "me\\n", "key": " some-key"}')
    assert home().parent == scratch()
    assert variables() == {
        "KAGGLE_API_V1_TOKEN": None,
        "KAGGLE_API_TOKEN": None,
        "KAGGLE_USERNAME": "me",
        "KAGGLE_KEY": "some-key",
        "XDG_CONFIG_HOME": None,
        "HOME": str(home()),
        "KAGGLE_CONFIG_DIR": str(home() / ".kaggle"),
    }
    assert list((home() / ".kaggle").iterdir()) == []


def test_a_token_comes_alone(own_home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    (own_home / ".kaggle" / "access_token").write_text("KGAT_abc\n")
    changes = variables()
    assert (changes["KAGGLE_API_TOKEN"], changes["KAGGLE_KEY"]) == ("KGAT_abc", None)


def test_a_token_that_is_too_long_for_a_path_comes_in_a_file(monkeypatch: Env) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "x" * 5000)
    assert variables()["KAGGLE_API_TOKEN"] is None
    file = home() / ".kaggle" / "access_token"
    assert file.read_text() == "x" * 5000
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_login_is_copied_once(own_home: Path) -> None:
    login = own_home / ".kaggle" / "credentials.json"
    login.write_text('{"refresh_token": "refresh\\n", "username": "me"}')
    copy = home() / ".kaggle" / "credentials.json"
    assert json.loads(copy.read_text()) == {"refresh_token": "refresh", "username": "me"}
    copy.write_text("what the client got for it")
    assert (home() / ".kaggle" / "credentials.json").read_text() == "what the client got for it"
    login.write_text('{"refresh_token": "another"}')
    assert json.loads((home() / ".kaggle" / "credentials.json").read_text()) == {"refresh_token": "another"}


@pytest.mark.parametrize("name", BUNDLES)
def test_certificates_are_found_from_another_folder(own_home: Path, monkeypatch: Env, name: str) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_abc")
    (own_home / "ca.pem").symlink_to(certifi.where())
    monkeypatch.chdir(own_home)
    monkeypatch.setenv(name, "ca.pem")
    assert variables()["REQUESTS_CA_BUNDLE"] == str(own_home / "ca.pem")
