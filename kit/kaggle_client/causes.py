"""Classify connection errors of `requests`: a permanent cause, or a transient network fault."""

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
    """Return the fault that an exception of `requests` means; None if it is not a connection error.

    The text of the exception is not used: it may contain signed URLs and proxy passwords.
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
        fault = Fault("client", message=f"{type(error).__name__}: invalid URL")
    elif isinstance(error, _NETWORK) and not isinstance(error, requests.JSONDecodeError):
        fault = Fault("network", message=_reason(causes))
    return fault


def _reason(causes: list[BaseException]) -> str:
    """Return the system's error message, or the name of the exception."""
    for cause in reversed(causes):
        if isinstance(cause, socket.gaierror):
            return "cannot resolve the host name"
        if isinstance(cause, RemoteDisconnected):
            return "closed without a response"
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return f"TLS: {cause.reason.lower().replace('_', ' ')}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror[:1].lower() + cause.strerror[1:]
    return type(causes[0]).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and its causes, the root cause last."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        # urllib3 passes some causes only as arguments.
        related = (*cause.args, cause.__cause__ or cause.__context__)
        waiting += [other for other in related if isinstance(other, BaseException)]
