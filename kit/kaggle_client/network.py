"""Check the proxy and certificate variables: an invalid one fails at once, without retries."""

import os
import ssl
from importlib.util import find_spec
from urllib.parse import unquote
from urllib.request import proxy_bypass

from kit.errors import UserError

HOST = "api.kaggle.com"
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The first one set names the trusted certificates; the client itself uses only the first two."""
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")


def check_network() -> None:
    """Check the proxy and certificate variables.

    Raises:
        UserError: a variable is invalid.
    """
    _check_bundle()
    if name := proxy_variable():
        _check_proxy(name, os.environ[name])


def bundle_variable() -> str | None:
    """Return the variable that names the CA bundle; None if the default certificates are used."""
    return next((name for name in BUNDLES if os.environ.get(name)), None)


def proxy_variable() -> str | None:
    """Return the variable that names the proxy for Kaggle; None without a proxy."""
    if proxy_bypass(HOST):
        return None
    for lower in ("https_proxy", "all_proxy"):
        # An empty lower-case variable overrides the upper-case one.
        name = lower if lower in os.environ else lower.upper()
        if os.environ.get(name):
            return name
    return None


def _check_bundle() -> None:
    if (name := bundle_variable()) is None:
        return
    path = os.environ[name]
    hint = f"unset {name}, or set it to the CA bundle of this network"
    if not os.path.exists(path):  # noqa: PTH110 - Path's raises on a long name
        raise UserError("there is no such file", where=f"{name}={path}", hint=hint)
    if os.path.isdir(path):  # noqa: PTH112 - Path's raises on a long name
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        expected = "certificates in PEM format"
        raise UserError(
            "contains no certificate", where=f"{name}={path}", expected=expected, hint=hint
        ) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=f"{name}={path}", hint=hint) from None


def _check_proxy(name: str, value: str) -> None:
    from requests.utils import prepend_scheme_if_needed
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    hint = f"correct {name}, or unset it"
    try:
        # As in requests: a value without a scheme is an HTTP proxy.
        parts = parse_url(prepend_scheme_if_needed(value, "http"))  # type: ignore[no-untyped-call]  # in types-requests
        (parts.host or "").encode("idna")
        unquote(parts.auth or "").encode("latin-1")
        valid = bool(parts.host) and " " not in str(parts.host) and parts.port != 0
    except (LocationParseError, UnicodeError):
        valid = False
    if not valid:
        # The value is not shown: it may contain a password.
        raise UserError("not a valid proxy URL", where=name, expected="http://HOST:PORT", hint=hint)
    if parts.scheme in _SOCKS:
        if find_spec("socks") is None:
            what = f"a {parts.scheme} proxy needs PySocks, which is not installed"
            raise UserError(what, where=name, hint="pip install pysocks, or use an HTTP proxy")
    elif parts.scheme not in {"http", "https"}:
        expected = f"http, https or {', '.join(_SOCKS)}"
        raise UserError(
            "unsupported proxy scheme", where=name, expected=expected, received=parts.scheme, hint=hint
        )
