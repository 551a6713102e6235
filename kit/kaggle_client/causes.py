"""Why a connection failed: by what stays until something is changed, or by what may pass."""

import re
import socket
import ssl
from collections.abc import Iterator
from http.client import RemoteDisconnected

import requests
import urllib3

from kit.kaggle_client.errors import Fault

_NETWORK = (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError)
_BAD_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
)
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED|TLS CA certificate bundle|no certificate or crl found"
_NO_TLS = "WRONG_VERSION_NUMBER|only use HTTP and not HTTPS|UNSUPPORTED_PROTOCOL|HANDSHAKE_FAILURE"


def fault_of(error: BaseException) -> Fault | None:
    """Return what an error of `requests` means; None: it is none of a connection.

    What the errors say is not shown: it may hold signed addresses, and passwords of proxies.
    """
    causes = list(_causes(error))
    texts = "\n".join(map(str, causes))
    refusal = re.search(r"Tunnel connection failed: (4\d\d)", texts)
    fault: Fault | None = None
    if re.search(_UNTRUSTED, texts):
        fault = Fault("certificate")
    elif refusal or isinstance(error, requests.exceptions.InvalidProxyURL) or "SOCKS support" in texts:
        fault = Fault("proxy", status=int(refusal[1]) if refusal else 0)
    elif re.search(_NO_TLS, texts):
        fault = Fault("encryption")
    elif isinstance(error, _BAD_URL):
        fault = Fault("client", message=f"{type(error).__name__}: an address is not valid")
    elif isinstance(error, _NETWORK) and not isinstance(error, requests.JSONDecodeError):
        fault = Fault("network", message=_reason(causes))
    return fault


def _reason(causes: list[BaseException]) -> str:
    """Return what the system says, else the name of the exception."""
    for one in reversed(causes):
        if isinstance(one, socket.gaierror):
            return "the server's name is not known"
        if isinstance(one, RemoteDisconnected):
            return "closed without an answer"
        if isinstance(one, ssl.SSLError) and one.reason:
            return f"TLS: {one.reason.lower().replace('_', ' ')}"
        if isinstance(one, OSError) and one.strerror:
            return one.strerror[:1].lower() + one.strerror[1:]
    return type(causes[0]).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it was made from, the first cause last."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        # urllib3 hands some causes on as arguments alone.
        related = (*one.args, one.__cause__ or one.__context__)
        waiting += [other for other in related if isinstance(other, BaseException)]
