"""The variables that decide how Kaggle is reached: a fault in one of them does not pass by itself."""

import os
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from kit.errors import UserError

HOST = "www.kaggle.com"
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The first that is set names the certificates that are trusted."""
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")


def check_network() -> None:
    """Check the variables that name a proxy or certificates.

    Raises:
        UserError: one of them cannot work.
    """
    _check_bundle()
    if name := proxy():
        _check_proxy(name, os.environ[name].strip())


def bundle() -> str | None:
    """Return the name of the variable that names the certificates; None where the usual ones are trusted."""
    return next((name for name in BUNDLES if os.environ.get(name)), None)


def proxy() -> str | None:
    """Return the name of the variable that names the proxy; None where there is none."""
    if proxy_bypass(HOST):
        return None
    names = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    return next((name for name in names if os.environ.get(name, "").strip()), None)


def _check_bundle() -> None:
    if (name := bundle()) is None:
        return
    path = os.environ[name]
    hint = f"unset {name}, or let it name the certificates of this network"
    if not os.path.exists(path):  # noqa: PTH110 - a name that is too long is no error
        raise UserError("there is no such file", where=f"{name}={path}", hint=hint)
    if not os.access(path, os.R_OK):
        raise UserError("it may not be read", where=f"{name}={path}", hint=hint)


def _check_proxy(name: str, value: str) -> None:
    # As requests does it: what has no scheme is an HTTP proxy.
    url = value if "://" in value else f"http://{value}"
    hint = f"correct {name}, or unset it"
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
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
