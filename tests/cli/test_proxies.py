"""Proxies that refuse, or put a certificate of their own in place: the real client meets them."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.workplace import kit

Serve = Callable[[socket.socket], None]


@pytest.fixture
def proxy(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Serve], list[str]]]:
    """Return a function that makes `serve` answer what goes to Kaggle, and returns the requests."""
    assert workdir.is_dir()
    server = socket.create_server(("127.0.0.1", 0))
    requests: list[str] = []
    for name in ("http_proxy", "all_proxy", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", "0123456789abcdef")

    def answer(serve: Serve) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                requests.append(connection.recv(65536).decode(errors="replace").partition("\r\n")[0])
                serve(connection)

    def start(serve: Serve) -> list[str]:
        threading.Thread(target=answer, args=(serve,), daemon=True).start()
        return requests

    yield start
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def fetch() -> tuple[int, str]:
    done = kit("data", "fetch", "--source", "kaggle", "--timeout", "20s")
    assert "trying again" not in done.err
    return done.code, done.err


def test_a_proxy_that_wants_a_password_ends_it_at_once(proxy: Callable[[Serve], list[str]]) -> None:
    requests = proxy(
        lambda connection: connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    )
    code, err = fetch()
    assert code == 2
    assert err.startswith("kit: https_proxy: the proxy refuses the connection\n")
    assert {request.split()[0] for request in requests} == {"CONNECT"}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, which makes a certificate")
def test_a_certificate_that_is_not_trusted_ends_it_at_once(
    proxy: Callable[[Serve], list[str]], workdir: Path
) -> None:
    key, certificate = workdir / "key.pem", workdir / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=api.kaggle.com"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(1)

    proxy(serve)
    code, err = fetch()
    assert code == 2
    assert err == (
        "kit: Kaggle's certificate is not signed by one that is trusted\n"
        "let REQUESTS_CA_BUNDLE name a file that holds it\n"
    )


def test_a_bundle_that_holds_no_certificate_is_named(
    proxy: Callable[[Serve], list[str]], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workdir / "ca.pem").write_text("no certificate\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(workdir / "ca.pem"))
    proxy(lambda connection: connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n"))
    code, err = fetch()
    assert code == 2
    assert err.startswith(f"kit: REQUESTS_CA_BUNDLE={workdir / 'ca.pem'}: Kaggle's certificate")
