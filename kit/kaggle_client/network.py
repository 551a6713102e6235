"""The variables that decide how Kaggle is reached: a fault in one of them does not pass by itself."""

import os
import ssl
from importlib.util import find_spec
from urllib.parse import unquote
from urllib.request import proxy_bypass

from kit.errors import UserError

HOST = "api.kaggle.com"
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The first that is set names the certificates that are trusted; the client itself knows the first two."""
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")


def check_network() -> None:
    """Check the variables that name a proxy or certificates.

    Raises:
        UserError: one of them cannot work.
    """
    _check_bundle()
    if name := proxy():
        _check_proxy(name, os.environ[name])


def bundle() -> str | None:
    """Return the name of the variable that names the certificates; None where the usual ones are trusted."""
    return next((name for name in BUNDLES if os.environ.get(name)), None)


def proxy() -> str | None:
    """Return the name of the variable that names the proxy; None where there is none."""
    if proxy_bypass(HOST):
        return None
    for lower in ("https_proxy", "all_proxy"):
        # An empty variable in small letters takes away the one in capitals.
        name = lower if lower in os.environ else lower.upper()
        if os.environ.get(name):
            return name
    return None


def _check_bundle() -> None:
    if (name := bundle()) is None:
        return
    path = os.environ[name]
    hint = f"unset {name}, or let it name the certificates of this network"
    if not os.path.exists(path):  # noqa: PTH110 - a name that is too long is no error
        raise UserError("there is no such file", where=f"{name}={path}", hint=hint)
    if os.path.isdir(path):  # noqa: PTH112 - a name that is too long is no error
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        expected = "certificates in PEM form"
        raise UserError(
            "it holds no certificate", where=f"{name}={path}", expected=expected, hint=hint
        ) from None
    except OSError as error:
        raise UserError(f"it may not be read: {error.strerror}", where=f"{name}={path}", hint=hint) from None


def _check_proxy(name: str, value: str) -> None:
    from requests.utils import prepend_scheme_if_needed
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    hint = f"correct {name}, or unset it"
    try:
        # As requests does it: what has no scheme is an HTTP proxy.
        parts = parse_url(prepend_scheme_if_needed(value, "http"))  # type: ignore[no-untyped-call]  # in types-requests
        (parts.host or "").encode("idna")
        unquote(parts.auth or "").encode("latin-1")
        whole = bool(parts.host) and parts.port != 0
    except (LocationParseError, UnicodeError):
        whole = False
    if not whole:
        # The value is not shown: it may hold a password.
        raise UserError(
            "not the address of a proxy", where=name, expected="as in http://HOST:PORT", hint=hint
        )
    if parts.scheme in _SOCKS:
        if find_spec("socks") is None:
            what = f"a proxy of the kind {parts.scheme} needs PySocks, which is not installed"
            raise UserError(what, where=name, hint="pip install pysocks, or use an HTTP proxy")
    elif parts.scheme not in {"http", "https"}:
        expected = f"http, https or {', '.join(_SOCKS)}"
        raise UserError(
            "no such kind of proxy", where=name, expected=expected, received=parts.scheme, hint=hint
        )
