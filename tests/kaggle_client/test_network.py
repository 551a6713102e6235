from pathlib import Path

import pytest

from kit.errors import UserError
from kit.kaggle_client.network import bundle, check_network, proxy

Env = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _direct(monkeypatch: Env) -> None:
    names = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    for name in names:
        for one in (name, name.upper()):
            monkeypatch.delenv(one, raising=False)


def test_a_plain_network_has_no_fault() -> None:
    check_network()
    assert (bundle(), proxy()) == (None, None)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_missing_bundle_is_named(monkeypatch: Env, name: str) -> None:
    monkeypatch.setenv(name, "/opt/corp/ca.pem")
    with pytest.raises(UserError, match=rf"^{name}=/opt/corp/ca\.pem: there is no such file\nunset {name}"):
        check_network()


def test_the_bundle_of_requests_goes_before_that_of_curl(monkeypatch: Env, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("CURL_CA_BUNDLE", "/absent")
    check_network()
    assert bundle() == "REQUESTS_CA_BUNDLE"


@pytest.mark.parametrize(
    "value", ["http://proxy:3128", "proxy:3128", "https://me:secret@proxy", "http://[::1]:1"]
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
