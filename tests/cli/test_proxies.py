"""Proxies that refuse, or put a certificate of their own in place: the real client meets them."""

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
    """Return a function that makes `serve` answer what goes to Kaggle, and returns the requests."""
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


def with_certificate(folder: Path, answer: bytes = b"") -> Serve:
    """Return what answers for Kaggle with a certificate of its own, which it leaves in folder/cert.pem."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
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
            while wrapped.recv(65536):  # closed with something unread, the connection would be reset
                pass

    return serve


def test_a_certificate_that_is_not_trusted_ends_it_at_once(proxy: Callable[[Serve], list[str]]) -> None:
    proxy(with_certificate(Path("own")))
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
    assert err.startswith(f"kit: REQUESTS_CA_BUNDLE={workdir / 'ca.pem'}: it holds no certificate\n")


def test_the_file_that_was_named_and_lacks_the_certificate_is_named(
    proxy: Callable[[Serve], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    proxy(with_certificate(Path("own")))
    code, err = fetch()
    assert code == 2
    assert err == (
        f"kit: SSL_CERT_FILE={certifi.where()}: Kaggle's certificate is not signed by one that is trusted\n"
        "let SSL_CERT_FILE or REQUESTS_CA_BUNDLE name a file that holds it\n"
    )


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_in_the_named_file_is_trusted(
    proxy: Callable[[Serve], list[str]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    serve = with_certificate(Path("own"), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    monkeypatch.setenv(name, "own/cert.pem")
    proxy(serve)
    code, err = fetch()
    assert (code, err.splitlines()[0]) == (2, "kit: digit-recognizer: no such competition")


def test_a_proxy_that_forbids_kaggle_ends_it_at_once(proxy: Callable[[Serve], list[str]]) -> None:
    proxy(lambda connection: connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n"))
    code, err = fetch()
    assert code == 2
    assert err.startswith(
        "kit: https_proxy: the proxy refuses the connection (HTTP 403)\nask its administrators"
    )


def test_an_answer_that_is_not_encrypted_ends_it_at_once(proxy: Callable[[Serve], list[str]]) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    proxy(serve)
    code, err = fetch()
    assert code == 2
    assert err.startswith("kit: https_proxy: what answers in place of Kaggle is not encrypted\n")


def test_a_proxy_of_http_that_is_called_https_is_named(
    proxy: Callable[[Serve], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    monkeypatch.setenv("https_proxy", os.environ["https_proxy"].replace("http://", "https://"))
    code, err = fetch()
    assert code == 2
    assert err.startswith("kit: https_proxy: what answers in place of Kaggle is not encrypted\n")
