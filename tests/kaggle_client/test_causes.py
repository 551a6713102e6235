"""Faults of real exceptions of `requests`."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
import requests

from kit.kaggle_client.causes import fault_of
from kit.kaggle_client.errors import Fault


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def closing_server() -> Iterator[str]:
    """Return the URL of a server that closes every connection: /reset with RST, otherwise with FIN."""
    server = socket.create_server(("127.0.0.1", 0))

    def close() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                if b"/reset" in connection.recv(65536):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    threading.Thread(target=close, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def fault(url: str) -> Fault | None:
    with pytest.raises(Exception) as error:  # noqa: PT011 - the type differs
        requests.get(url, timeout=5)
    return fault_of(error.value)


def test_message_is_the_error_of_the_system(closing_server: str) -> None:
    assert fault(f"{closing_server}/reset") == Fault("network", message="connection reset by peer")
    assert fault(closing_server) == Fault("network", message="closed without a response")
    assert fault("http://127.0.0.1:9") == Fault("network", message="connection refused")
    assert fault("http://nowhere.invalid") == Fault("network", message="cannot resolve the host name")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://a..b"])
def test_invalid_url_is_a_fault_of_the_client(url: str) -> None:
    found = fault(url)
    assert found is not None
    assert found.kind == "client"


def test_other_errors_are_no_connection_faults() -> None:
    assert fault_of(ValueError("no JSON")) is None
    assert fault_of(PermissionError(13, "Permission denied")) is None
