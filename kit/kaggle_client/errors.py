"""Error messages for faults of the Kaggle API, without keys, tokens or signed URLs."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from kit.errors import KitError, UserError
from kit.kaggle_client.credentials import refused, secrets
from kit.kaggle_client.network import bundle_variable, proxy_variable
from kit.masking import learn, masked

_TRANSIENT = {408, 429}
_QUOTA = "the daily submission limit is reached"
_RULES = "the competition's rules are not accepted"
_REFUSALS = {
    _QUOTA: "allowance|submission limit",
    "this competition accepts submissions from notebooks only": "from notebooks",
    "submissions to this competition are disabled": "disabled",
    "this competition is closed": "deadline|has ended|closed|no longer accept",
    _RULES: r"accept\b.*\brules|rules\b.*\baccept",
}
"""Message of each refusal, and the regular expression that matches Kaggle's text."""


@dataclass(frozen=True)
class Fault:
    """Why one attempt failed, sent from the worker through a pipe; contains no secret.

    Attributes:
        kind: `status`: HTTP error status; `network`: connection refused or broken; `timeout`: no response in
            time; `page`: a web page instead of a response; `upload`: the upload failed; `credentials`:
            unknown to Kaggle; `certificate`: not trusted; `proxy`: the proxy refused the connection;
            `encryption`: the response is not encrypted; `no_submission`: the request was accepted without
            effect; `not_installed`: the client cannot be imported; `client`: the client itself failed.
        status: HTTP status; 0 without a response.
        message: Kaggle's text.
        retry_after: seconds to wait, as requested by Kaggle.
    """

    kind: Literal[
        "status",
        "network",
        "timeout",
        "page",
        "upload",
        "credentials",
        "certificate",
        "proxy",
        "encryption",
        "no_submission",
        "not_installed",
        "client",
    ]
    status: int = 0
    message: str = ""
    retry_after: float | None = None


class CallError(KitError):
    """A request without a valid response.

    Attributes:
        transient: whether a retry may succeed.
        answered: whether Kaggle itself responded, so that the request cannot take effect later.
        retry_after: seconds to wait, as requested by Kaggle.
    """

    def __init__(
        self,
        what: str,
        hint: str,
        *,
        transient: bool = True,
        answered: bool = False,
        retry_after: float | None = None,
        received: str | None = None,
    ) -> None:
        super().__init__(what, received=received, hint=hint)
        self.advice, self.transient, self.answered = hint, transient, answered
        self.retry_after = retry_after

    def after(self, attempts: int) -> KitError:
        """Return the error to raise after the last of `attempts`."""
        if not self.transient:
            return self
        wait = f"Kaggle requests a wait of {self.retry_after:.0f} s; " if self.retry_after else ""
        return KitError(f"{self.what} (tried {attempts} times)", hint=f"{wait}{self.advice}")


class UnknownOutcomeError(KitError):
    """A submission was sent, and it is unknown whether it arrived."""


def explain(fault: Fault, slug: str) -> KitError:
    """Return the error to raise for `fault` in a request about competition `slug`."""
    status = f"HTTP {fault.status}"
    error: KitError
    match fault.kind:
        case "timeout":
            error = CallError(
                f"Kaggle did not answer within {fault.message}", "set a longer timeout, e.g. --timeout 2m"
            )
        case "network" | "certificate" | "proxy" | "encryption" | "page":
            error = _connection_error(fault)
        case "no_submission":
            what = "Kaggle received the file but created no submission"
            error = CallError(what, "try again later", transient=False, answered=True, received=fault.message)
        case "upload" if 400 <= fault.status < 500 and fault.status not in _TRANSIENT:
            error = KitError(f"the upload was refused ({status})", where=slug, hint="try again later")
        case "upload":
            what = f"the upload failed ({status if fault.status else fault.message})"
            error = CallError(what, "try again later", retry_after=fault.retry_after)
        case "credentials":
            error = refused()
        case "not_installed":
            what = "the Kaggle client is not installed, or broken"
            error = UserError(what, received=fault.message, hint="pip install kaggle")
        case "client":
            hint = "`kit doctor` lists the installed versions"
            error = KitError(f"the Kaggle client failed ({fault.message})", hint=hint)
        case "status":
            error = _status_error(fault, slug, status)
    return error


def _connection_error(fault: Fault) -> KitError:
    """Return the error for a fault on the way to Kaggle: network, proxy or certificate."""
    if fault.kind == "network":
        name = proxy_variable()
        hint = f"check the network, and the proxy in {name}" if name else "check the network"
        return CallError(f"the connection to Kaggle failed ({fault.message})", hint)
    if fault.kind == "page":
        hint = "a proxy or login page intercepts the connection: log in with a browser, then try again"
        return CallError(f"received {fault.message} instead of Kaggle's response", hint, transient=False)
    if fault.kind == "proxy":
        what = "the proxy refuses the connection"
        hint = "include user and password: http://USER:PASSWORD@HOST:PORT"
        if fault.status not in (0, 407):
            what += f" (HTTP {fault.status})"
            hint = "ask its administrators to allow api.kaggle.com and storage.googleapis.com"
        return UserError(what, where=proxy_variable(), hint=hint)
    if fault.kind == "encryption":
        hint = "if the proxy URL begins with https://, try http://"
        return UserError("the response is not encrypted", where=proxy_variable(), hint=hint)
    name = bundle_variable()
    names = "REQUESTS_CA_BUNDLE" if name in (None, "REQUESTS_CA_BUNDLE") else f"{name} or REQUESTS_CA_BUNDLE"
    hint = f"set {names} to a CA bundle that contains its issuer"
    what = "Kaggle's certificate is not trusted"
    return UserError(what, where=f"{name}={os.environ[name]}" if name else None, hint=hint)


def _status_error(fault: Fault, slug: str, status: str) -> KitError:
    page = f"https://www.kaggle.com/competitions/{slug}"
    details = {"where": slug, "received": fault.message or status}
    reasons = (
        text for text, pattern in _REFUSALS.items() if re.search(pattern, fault.message, re.IGNORECASE)
    )
    reason = next(reasons, None)
    error: KitError
    if reason == _QUOTA:
        error = UserError(reason, **details, hint=f"it resets at 00:00 UTC, in {until_midnight()}")
    elif fault.status >= 500 or fault.status in _TRANSIENT:
        what = f"Kaggle returned {status}" + (f": {fault.message}" if fault.message else "")
        # A gateway error does not show whether Kaggle received the request.
        answered = fault.status not in (502, 504)
        error = CallError(what, "try again later", answered=answered, retry_after=fault.retry_after)
    elif fault.status == 401:
        error = refused(f"{status}{': ' if fault.message else ''}{fault.message}")
    elif reason == _RULES or (fault.status == 403 and not reason):
        what = reason or f"Kaggle refuses access ({status}): rules not accepted, or no such competition"
        error = UserError(what, **details, hint=f"accept them at {page}/rules, and check competition.slug")
    elif reason:
        error = UserError(reason, **details, hint=f"see {page}")
    elif fault.status == 404:
        error = UserError(
            "no such competition", **details, hint=f"check competition.slug: its page would be {page}"
        )
    else:
        error = KitError(f"Kaggle refuses the request ({status})", **details)
    return error


def until_midnight(now: datetime | None = None) -> str:
    """Return the time until the daily limit resets at midnight UTC, in the form `5 h 06 min`."""
    now = now or datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = -(-(midnight - now) // timedelta(minutes=1))
    return f"{minutes // 60} h {minutes % 60:02} min"


def retry_after_seconds(header: str | None) -> float | None:
    """Return the seconds in a Retry-After header (RFC 9110); None if it is missing or invalid."""
    if header is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}(\.\d+)?\s*", header):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def redacted(text: str) -> str:
    """Return `text` on one line, at most 300 characters, with all secrets masked."""
    learn(*secrets())
    text = masked(text)
    return "".join(character for character in " ".join(text.split()) if character.isprintable())[:300]
