"""Proxies that refuse connections or present their own certificate, with the real client."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import certifi
import pytest

from tests.workplace import kit

Serve = Callable[[socket.socket], None]


@pytest.fixture
def proxy(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Serve], list[str]]]:
    """Yield a function that lets `serve` handle requests to Kaggle, and returns the list of them."""
    assert workdir.is_dir()
    server = socket.create_server(("127.0.0.1", 0))
    requests: list[str] = []
    for name in ("http_proxy", "all_proxy", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
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
    assert "retrying" not in done.err
    return done.code, done.err


def test_proxy_that_requires_a_password_fails_without_retries(proxy: Callable[[Serve], list[str]]) -> None:
    requests = proxy(
        lambda connection: connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    )
    code, err = fetch()
    assert code == 2
    assert err.startswith("kit: https_proxy: the proxy refuses the connection\n")
    assert {request.split()[0] for request in requests} == {"CONNECT"}


def with_certificate(folder: Path, answer: bytes = b"") -> Serve:
    """Return a handler that responds with its own certificate, written to folder/cert.pem."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder.mkdir()
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=api.kaggle.com"]
    command += ["-addext", "subjectAltName=DNS:api.kaggle.com"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(65536)
            wrapped.sendall(answer)
            while wrapped.recv(65536):  # closing with unread data would reset the connection
                pass

    return serve


def test_untrusted_certificate_fails_without_retries(proxy: Callable[[Serve], list[str]]) -> None:
    proxy(with_certificate(Path("own")))
    code, err = fetch()
    assert code == 2
    assert err == (
        "kit: Kaggle's certificate is not trusted\n"
        "set REQUESTS_CA_BUNDLE to a CA bundle that contains its issuer\n"
    )


def test_bundle_without_certificates_is_refused(
    proxy: Callable[[Serve], list[str]], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workdir / "ca.pem").write_text("no certificate\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(workdir / "ca.pem"))
    proxy(lambda connection: connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n"))
    code, err = fetch()
    assert code == 2
    assert err.startswith(f"kit: REQUESTS_CA_BUNDLE={workdir / 'ca.pem'}: contains no certificate\n")


def test_bundle_without_the_issuer_is_named(
    proxy: Callable[[Serve], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    proxy(with_certificate(Path("own")))
    code, err = fetch()
    assert code == 2
    assert err == (
        f"kit: SSL_CERT_FILE={certifi.where()}: Kaggle's certificate is not trusted\n"
        "set SSL_CERT_FILE or REQUESTS_CA_BUNDLE to a CA bundle that contains its issuer\n"
    )


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificate_in_the_bundle_is_trusted(
    proxy: Callable[[Serve], list[str]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    serve = with_certificate(Path("own"), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    monkeypatch.setenv(name, "own/cert.pem")
    proxy(serve)
    code, err = fetch()
    assert (code, err.splitlines()[0]) == (2, "kit: digit-recognizer: no such competition")


def test_proxy_that_forbids_kaggle_fails_without_retries(proxy: Callable[[Serve], list[str]]) -> None:
    proxy(lambda connection: connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n"))
    code, err = fetch()
    assert code == 2
    assert err.startswith(
        "kit: https_proxy: the proxy refuses the connection (HTTP 403)\nask its administrators"
    )


def test_unencrypted_response_fails_without_retries(proxy: Callable[[Serve], list[str]]) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    proxy(serve)
    code, err = fetch()
    assert code == 2
    assert err.startswith("kit: https_proxy: the response is not encrypted\n")


def test_http_proxy_with_an_https_url_is_named(
    proxy: Callable[[Serve], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    monkeypatch.setenv("https_proxy", os.environ["https_proxy"].replace("http://", "https://"))
    code, err = fetch()
    assert code == 2
    assert err.startswith("kit: https_proxy: the response is not encrypted\n")
