"""What goes wrong with Kaggle, said for people, with no key, token or signed address in it."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from kit.errors import KitError, UserError
from kit.kaggle_client.credentials import refused, secrets
from kit.kaggle_client.network import bundle, proxy
from kit.masking import learn, masked

_PASSING = {408, 429}
_SPENT = "the day's submissions are spent"
_RULES = "the competition's rules are not accepted"
_REFUSALS = {
    _SPENT: "allowance|submission limit",
    "this competition takes submissions from notebooks only": "from notebooks",
    "this competition's submissions are disabled": "disabled",
    "this competition is closed": "deadline|has ended|closed|no longer accept",
    _RULES: r"accept\b.*\brules|rules\b.*\baccept",
}
"""How a refusal is told, and what it looks like in Kaggle's own words."""


@dataclass(frozen=True)
class Fault:
    """Why one attempt failed. Holds no secret: it is made where the secrets are, and goes through a pipe.

    Attributes:
        kind: an error status in Kaggle's answer; connection refused or cut; no answer in time; a web page
            instead of an answer; an upload that did not come through; credentials that Kaggle does not know;
            a certificate that is not trusted; a proxy that refuses; an answer that is not encrypted; Kaggle
            took the call and did nothing; the client itself failed.
        status: HTTP status, 0 where there was none.
        message: Kaggle's own words.
        retry_after: seconds that Kaggle asks to wait.
    """

    kind: Literal[
        "answer",
        "network",
        "timeout",
        "page",
        "upload",
        "credentials",
        "certificate",
        "proxy",
        "encryption",
        "nothing",
        "client",
    ]
    status: int = 0
    message: str = ""
    retry_after: float | None = None


class CallError(KitError):
    """A call without a proper answer.

    Attributes:
        passing: whether the fault may be gone the next time.
        settled: whether Kaggle answered, so that nothing of this attempt can still be on its way.
        retry_after: seconds that Kaggle asks to wait.
    """

    def __init__(
        self,
        what: str,
        hint: str,
        *,
        passing: bool = True,
        settled: bool = False,
        retry_after: float | None = None,
        received: str | None = None,
    ) -> None:
        super().__init__(what, received=received, hint=hint)
        self.advice, self.passing, self.settled, self.retry_after = hint, passing, settled, retry_after

    def after(self, attempts: int) -> KitError:
        """Return the error that ends the attempts."""
        if not self.passing:
            return self
        wait = f"Kaggle asks to wait {self.retry_after:.0f} s; " if self.retry_after else ""
        return KitError(f"{self.what} (tried {attempts} times)", hint=f"{wait}{self.advice}")


class UnknownOutcomeError(KitError):
    """A submission was sent, and nothing tells whether it arrived."""


def explain(fault: Fault, slug: str) -> KitError:
    """Return the error to raise for `fault` in a call about competition `slug`."""
    status = f"HTTP {fault.status}"
    error: KitError
    match fault.kind:
        case "timeout":
            error = CallError(f"Kaggle did not answer within {fault.message}", "allow more with --timeout 2m")
        case "network" | "certificate" | "proxy" | "encryption" | "page":
            error = _unreachable(fault)
        case "nothing":
            what = "Kaggle took the file and made no submission of it"
            error = CallError(what, "try again later", passing=False, settled=True, received=fault.message)
        case "upload" if 400 <= fault.status < 500 and fault.status not in _PASSING:
            error = KitError(f"the upload was refused ({status})", where=slug, hint="try again later")
        case "upload":
            what = f"the upload did not come through ({status if fault.status else fault.message})"
            error = CallError(what, "try again later", retry_after=fault.retry_after)
        case "credentials":
            error = refused()
        case "client":
            hint = "kit doctor shows what is installed"
            error = KitError(f"the Kaggle client failed ({fault.message})", hint=hint)
        case "answer":
            error = _refusal(fault, slug, status)
    return error


def _unreachable(fault: Fault) -> KitError:
    """Return the error of a network that does not lead to Kaggle."""
    if fault.kind == "network":
        name = proxy()
        hint = f"check the network, and the proxy in {name}" if name else "check the network"
        return CallError(f"the connection to Kaggle failed ({fault.message})", hint)
    if fault.kind == "page":
        hint = "a proxy or a login page of this network is in between: open a browser, log in, try again"
        return CallError(f"instead of Kaggle's answer came {fault.message}", hint, passing=False)
    if fault.kind == "proxy":
        what = "the proxy refuses the connection"
        hint = "user and password belong in the variable, as in http://USER:PASSWORD@HOST:PORT"
        if fault.status not in (0, 407):
            what += f" (HTTP {fault.status})"
            hint = "ask its administrators to let api.kaggle.com and storage.googleapis.com through"
        return UserError(what, where=proxy(), hint=hint)
    if fault.kind == "encryption":
        hint = "is the address of the proxy https:// where it should be http://?"
        return UserError("what answers in place of Kaggle is not encrypted", where=proxy(), hint=hint)
    name = bundle()
    names = "REQUESTS_CA_BUNDLE" if name in (None, "REQUESTS_CA_BUNDLE") else f"{name} or REQUESTS_CA_BUNDLE"
    hint = f"let {names} name a file that holds it"
    what = "Kaggle's certificate is not signed by one that is trusted"
    return UserError(what, where=f"{name}={os.environ[name]}" if name else None, hint=hint)


def _refusal(fault: Fault, slug: str, status: str) -> KitError:
    page = f"https://www.kaggle.com/competitions/{slug}"
    words = {"where": slug, "received": fault.message or status}
    reasons = (
        said for said, pattern in _REFUSALS.items() if re.search(pattern, fault.message, re.IGNORECASE)
    )
    reason = next(reasons, None)
    error: KitError
    if reason == _SPENT:
        error = UserError(reason, **words, hint=f"the count starts again at 00:00 UTC, in {until_midnight()}")
    elif fault.status >= 500 or fault.status in _PASSING:
        what = f"Kaggle answers {status}" + (f": {fault.message}" if fault.message else "")
        # A gateway that gave up says nothing about what stands behind it.
        settled = fault.status not in (502, 504)
        error = CallError(what, "try again later", settled=settled, retry_after=fault.retry_after)
    elif fault.status == 401:
        error = refused(f"{status}{': ' if fault.message else ''}{fault.message}")
    elif reason == _RULES or (fault.status == 403 and not reason):
        what = reason or f"Kaggle refuses ({status}): rules not accepted, or no such competition"
        error = UserError(what, **words, hint=f"accept them at {page}/rules, and check competition.slug")
    elif reason:
        error = UserError(reason, **words, hint=f"see {page}")
    elif fault.status == 404:
        error = UserError(
            "no such competition", **words, hint=f"check competition.slug: is there a page {page}?"
        )
    else:
        error = KitError(f"Kaggle refuses ({status})", **words)
    return error


def until_midnight(now: datetime | None = None) -> str:
    """Say how long it is to midnight UTC, when the daily count starts again, as in `5 h 06 min`."""
    now = now or datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = -(-(midnight - now) // timedelta(minutes=1))
    return f"{minutes // 60} h {minutes % 60:02} min"


def seconds_asked(header: str | None) -> float | None:
    """Return the seconds that a Retry-After header (RFC 9110) asks to wait; None where it says nothing."""
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
    """Return `text` on one line, at most 300 characters, without keys, tokens and signed query strings."""
    learn(*secrets())
    text = masked(text)
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:300]
