from pathlib import Path

import certifi
import pytest

from kit.errors import UserError
from kit.kaggle_client.network import BUNDLES, bundle, check_network, proxy

Env = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _direct(monkeypatch: Env) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", *BUNDLES):
        for one in (name, name.upper()):
            monkeypatch.delenv(one, raising=False)


def test_a_plain_network_has_no_fault() -> None:
    check_network()
    assert (bundle(), proxy()) == (None, None)


@pytest.mark.parametrize("name", BUNDLES)
def test_a_missing_bundle_is_named(monkeypatch: Env, name: str) -> None:
    monkeypatch.setenv(name, "/opt/corp/ca.pem")
    with pytest.raises(UserError, match=rf"^{name}=/opt/corp/ca\.pem: there is no such file\nunset {name}"):
        check_network()


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_without_certificates_is_named(
    monkeypatch: Env, tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(content)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(UserError, match=f"^{name}={path}: it holds no certificate\n"):
        check_network()


def test_a_bundle_that_may_not_be_read_is_named(monkeypatch: Env) -> None:
    # Not even root may read it.
    monkeypatch.setenv("CURL_CA_BUNDLE", "/proc/self/mem")
    with pytest.raises(UserError, match=r"^CURL_CA_BUNDLE=/proc/self/mem: it "):
        check_network()


def test_the_bundle_of_requests_goes_before_that_of_curl(monkeypatch: Env) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    monkeypatch.setenv("CURL_CA_BUNDLE", "/absent")
    check_network()
    assert bundle() == "REQUESTS_CA_BUNDLE"


@pytest.mark.parametrize(
    "value", ["http://proxy:3128", "10.0.0.1:3128", "https://me:secret@proxy", "http://[::1]:1"]
)
def test_http_proxies_have_no_fault(monkeypatch: Env, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    check_network()


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("ALL_PROXY", "socks5h://127.0.0.1:1080", "a proxy of the kind socks5h needs PySocks"),
        ("https_proxy", "socks4://127.0.0.1:1080", "a proxy of the kind socks4 needs PySocks"),
        ("HTTPS_PROXY", "ftp://127.0.0.1", "no such kind of proxy"),
        ("https_proxy", "http://proxy:port", "not the address of a proxy"),
        ("https_proxy", "http://", "not the address of a proxy"),
        ("https_proxy", "http://[::1", "not the address of a proxy"),
        ("https_proxy", "http://proxy:3128\r", "not the address of a proxy"),
        ("HTTPS_PROXY", "http://the proxy:3128", "not the address of a proxy"),
        ("all_proxy", "http://proxy..local:3128", "not the address of a proxy"),
        ("ALL_PROXY", "http://proxy:99999", "not the address of a proxy"),
        ("https_proxy", "http:/proxy:3128", "not the address of a proxy"),
        ("https_proxy", "proxy:3128", "not the address of a proxy"),
        ("https_proxy", "http://me:пароль@proxy:3128", "not the address of a proxy"),
    ],
)
def test_a_proxy_that_cannot_work_is_named(monkeypatch: Env, name: str, value: str, what: str) -> None:
    monkeypatch.setattr("kit.kaggle_client.network.find_spec", lambda _: None)
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"^{name}: {what}"):
        check_network()


def test_a_proxy_that_is_not_used_has_no_fault(monkeypatch: Env) -> None:
    monkeypatch.setenv("https_proxy", "ftp://127.0.0.1")
    monkeypatch.setenv("no_proxy", ".kaggle.com")
    check_network()


@pytest.mark.parametrize(
    "value", ["http://me:secret@proxy:port", "http://me:секрет@proxy", "me:secret@proxy:1"]
)
def test_a_password_of_a_proxy_is_not_shown(monkeypatch: Env, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(UserError, match="not the address of a proxy") as error:
        check_network()
    assert "secret" not in str(error.value)
    assert "секрет" not in str(error.value)


def test_an_empty_variable_in_small_letters_takes_the_proxy_away(monkeypatch: Env) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy")
    monkeypatch.setenv("https_proxy", "")
    check_network()
    assert proxy() is None
    monkeypatch.setenv("ALL_PROXY", "http://other:1")
    assert proxy() == "ALL_PROXY"


@pytest.mark.parametrize("host", ["api.kaggle.com", "kaggle.com", "*"])
def test_the_host_that_is_called_decides(monkeypatch: Env, host: str) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    assert proxy() == "https_proxy"
    monkeypatch.setenv("no_proxy", host)
    assert proxy() is None
