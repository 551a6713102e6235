"""What `requests` raises for real, and what it means."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
import requests

from kit.kaggle_client.causes import fault_of
from kit.kaggle_client.errors import Fault


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for one in (name, name.upper()):
            monkeypatch.delenv(one, raising=False)


@pytest.fixture
def cutting() -> Iterator[str]:
    """Return the address of a server that cuts every connection: /reset with RST, else without a word."""
    server = socket.create_server(("127.0.0.1", 0))

    def cut() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                if b"/reset" in connection.recv(65536):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    threading.Thread(target=cut, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def fault(url: str) -> Fault | None:
    with pytest.raises(Exception) as error:  # noqa: PT011 - which one it is, is the question
        requests.get(url, timeout=5)
    return fault_of(error.value)


def test_what_the_system_says_is_told(cutting: str) -> None:
    assert fault(f"{cutting}/reset") == Fault("network", message="connection reset by peer")
    assert fault(cutting) == Fault("network", message="closed without an answer")
    assert fault("http://127.0.0.1:9") == Fault("network", message="connection refused")
    assert fault("http://nowhere.invalid") == Fault("network", message="the server's name is not known")


@pytest.mark.parametrize("url", ["http://two words", "ftp://127.0.0.1", "http://a..b"])
def test_an_address_that_is_not_valid_is_not_tried_again(url: str) -> None:
    found = fault(url)
    assert found is not None
    assert found.kind == "client"


def test_what_is_none_of_the_connection_is_left_to_others() -> None:
    assert fault_of(ValueError("no JSON")) is None
    assert fault_of(PermissionError(13, "Permission denied")) is None
