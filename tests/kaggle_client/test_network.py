from pathlib import Path

import certifi
import pytest

from kit.errors import UserError
from kit.kaggle_client.network import BUNDLES, bundle_variable, check_network, proxy_variable

Env = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: Env) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", *BUNDLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_no_variables_are_valid() -> None:
    check_network()
    assert (bundle_variable(), proxy_variable()) == (None, None)


@pytest.mark.parametrize("name", BUNDLES)
def test_missing_bundle_is_refused(monkeypatch: Env, name: str) -> None:
    monkeypatch.setenv(name, "/opt/corp/ca.pem")
    with pytest.raises(UserError, match=rf"^{name}=/opt/corp/ca\.pem: there is no such file\nunset {name}"):
        check_network()


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
@pytest.mark.parametrize("name", BUNDLES)
def test_bundle_without_certificates_is_refused(
    monkeypatch: Env, tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(content)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(UserError, match=f"^{name}={path}: contains no certificate\n"):
        check_network()


def test_unreadable_bundle_is_refused(monkeypatch: Env) -> None:
    # Not readable, even by root.
    monkeypatch.setenv("CURL_CA_BUNDLE", "/proc/self/mem")
    with pytest.raises(
        UserError, match=r"^CURL_CA_BUNDLE=/proc/self/mem: (cannot be read|contains no certificate)"
    ):
        check_network()


def test_requests_bundle_precedes_curl_bundle(monkeypatch: Env) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    monkeypatch.setenv("CURL_CA_BUNDLE", "/absent")
    check_network()
    assert bundle_variable() == "REQUESTS_CA_BUNDLE"


@pytest.mark.parametrize(
    "value", ["http://proxy:3128", "10.0.0.1:3128", "https://me:secret@proxy", "http://[::1]:1"]
)
def test_http_proxies_are_valid(monkeypatch: Env, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    check_network()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ALL_PROXY", "socks5h://127.0.0.1:1080", "a socks5h proxy needs PySocks"),
        ("https_proxy", "socks4://127.0.0.1:1080", "a socks4 proxy needs PySocks"),
        ("HTTPS_PROXY", "ftp://127.0.0.1", "unsupported proxy scheme"),
        ("https_proxy", "http://proxy:port", "not a valid proxy URL"),
        ("https_proxy", "http://", "not a valid proxy URL"),
        ("https_proxy", "http://[::1", "not a valid proxy URL"),
        ("https_proxy", "http://proxy:3128\r", "not a valid proxy URL"),
        ("HTTPS_PROXY", "http://the proxy:3128", "not a valid proxy URL"),
        ("all_proxy", "http://proxy..local:3128", "not a valid proxy URL"),
        ("ALL_PROXY", "http://proxy:99999", "not a valid proxy URL"),
        ("https_proxy", "http:/proxy:3128", "not a valid proxy URL"),
        ("https_proxy", "proxy:3128", "not a valid proxy URL"),
        ("https_proxy", "http://me:пароль@proxy:3128", "not a valid proxy URL"),
    ],
)
def test_invalid_proxy_is_refused(monkeypatch: Env, name: str, value: str, message: str) -> None:
    monkeypatch.setattr("kit.kaggle_client.network.find_spec", lambda _: None)
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"^{name}: {message}"):
        check_network()


def test_unused_proxy_is_not_checked(monkeypatch: Env) -> None:
    monkeypatch.setenv("https_proxy", "ftp://127.0.0.1")
    monkeypatch.setenv("no_proxy", ".kaggle.com")
    check_network()


@pytest.mark.parametrize(
    "value", ["http://me:secret@proxy:port", "http://me:секрет@proxy", "me:secret@proxy:1"]
)
def test_proxy_password_is_not_shown(monkeypatch: Env, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(UserError, match="not a valid proxy URL") as error:
        check_network()
    assert "secret" not in str(error.value)
    assert "секрет" not in str(error.value)


def test_empty_lower_case_variable_removes_the_proxy(monkeypatch: Env) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy")
    monkeypatch.setenv("https_proxy", "")
    check_network()
    assert proxy_variable() is None
    monkeypatch.setenv("ALL_PROXY", "http://other:1")
    assert proxy_variable() == "ALL_PROXY"


@pytest.mark.parametrize("host", ["api.kaggle.com", "kaggle.com", "*"])
def test_no_proxy_applies_to_the_api_host(monkeypatch: Env, host: str) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    assert proxy_variable() == "https_proxy"
    monkeypatch.setenv("no_proxy", host)
    assert proxy_variable() is None
