"""One function per Kaggle API request, with timeout, retries and error messages."""

import contextlib
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kit.errors import KitError
from kit.kaggle_client import attempts
from kit.kaggle_client.attempts import ATTEMPTS, attempt, budget, report_retry, retry_delay, with_retries
from kit.kaggle_client.errors import CallError, Fault, UnknownOutcomeError, explain
from kit.terminals import can_redraw

_SEARCH_DELAYS = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each search for a submission without a response; if all fail, it counts as not received."""
_CHECK_HINT = "`kit submissions` checks whether it arrived; `kit submit` resends it only if it did not"
_MAX_PAGES = 20
"""Pages of 100 submissions each."""


@dataclass(frozen=True)
class Limits:
    """Submission counts of the team: made today, made in total, left today."""

    today: int
    total: int
    left: int


@dataclass(frozen=True)
class Submission:
    """A submission as Kaggle lists it. Scores are Kaggle's strings, empty if there is no score."""

    ref: int
    status: str
    """pending, complete or error."""
    public_score: str
    private_score: str
    error: str
    description: str


def download(slug: str, folder: Path, *, timeout: float) -> Path:
    """Download all files of competition `slug` as one zip file into `folder`, and check it.

    Args:
        slug: the competition's name in its URL.
        folder: an existing folder; it receives the complete file or nothing.
        timeout: seconds per attempt; the next attempt resumes the download.

    Returns:
        The path of the zip file, `<slug>.zip` in `folder`.

    Raises:
        UserError: missing or invalid credentials, competition rules not accepted, no such competition.
        KitError: a transient fault in the last attempt, or a web page instead of the file.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary, _progress() as show_size:
        part = Path(temporary).absolute() / "part"

        def fetch() -> None:
            def poll() -> None:
                show_size(part.stat().st_size if part.exists() else 0)

            attempt("download", slug, timeout, poll=poll, path=str(part))
            _check_zip(part, slug)

        with_retries(fetch, timeout)
        return part.replace(folder / f"{Path(slug).name}.zip")


def _check_zip(part: Path, slug: str) -> None:
    try:
        with zipfile.ZipFile(part) as archive:
            damaged = archive.testzip()
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        damaged = "all"
    except RuntimeError:
        damaged = None  # Encrypted, or an unsupported compression: cannot be checked.
    if damaged is None:
        return
    start = part.read_bytes()[:512].lstrip()[:1] if part.exists() else b""
    part.unlink(missing_ok=True)
    if start in (b"<", b"{"):
        raise explain(Fault("page", message="a web page" if start == b"<" else "JSON"), slug)
    raise explain(Fault("network", message="the file is incomplete"), slug)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Yield a function that shows the number of downloaded bytes on a terminal."""
    from rich.console import Console
    from rich.progress import (
        FileSizeColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    if not can_redraw(console):
        yield lambda _: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        FileSizeColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("downloading from Kaggle", total=None)
        yield lambda size: progress.update(task, completed=size)


def limits(slug: str, *, timeout: float) -> Limits | None:
    """Return the team's quota; None if Kaggle does not report it. All zero: no team exists yet.

    Raises:
        UserError, KitError: as `download`.
    """
    counts = with_retries(partial(attempt, "limits", slug, timeout), timeout)
    return Limits(**counts) if counts else None


def upload(slug: str, path: Path, *, timeout: float) -> str:
    """Upload `path` without submitting it, and return its upload token.

    Raises:
        UserError, KitError: as `download`; Kaggle refused the upload.
    """
    return str(with_retries(partial(attempt, "upload", slug, timeout, path=str(path.absolute())), timeout))


def create(slug: str, token: str, description: str, tag: str, *, timeout: float) -> int:
    """Submit an uploaded file exactly once, and return the submission's ref.

    A request without a response may have arrived. So before each retry, Kaggle's list of submissions is
    searched for `tag`.

    Args:
        slug: the competition.
        token: the upload token of the file.
        description: shown in Kaggle's list; must contain `tag`.
        tag: unique for this submission.
        timeout: seconds per attempt.

    Raises:
        UserError: as `download`; quota used up, submissions disabled, or accepted from notebooks only.
        UnknownOutcomeError: the request was sent, and it is unknown whether it arrived.
        KitError: the submission did not arrive.
    """
    end = time.monotonic() + budget(timeout)
    for number in range(1, ATTEMPTS + 1):
        try:
            return int(attempt("create", slug, timeout, token=token, description=description))
        except CallError as error:
            fault = error
        delays = (retry_delay(fault, number),) if fault.answered else _SEARCH_DELAYS
        last = number == ATTEMPTS or not fault.transient or time.monotonic() + sum(delays) + timeout > end
        if last and fault.answered:
            delays = (1.0,)
        if not last:
            report_retry(fault, sum(delays), number)
        if submission := _find(slug, tag, delays, timeout):
            return submission.ref
        if last:
            break
    failure = fault.after(number)
    if fault.answered:
        raise failure
    raise UnknownOutcomeError(f"{failure.what}; the submission is not in Kaggle's list", hint=_CHECK_HINT)


def _find(slug: str, tag: str, delays: Iterable[float], timeout: float) -> Submission | None:
    """Search Kaggle's list for `tag` after each of `delays`; None if it does not appear."""
    for seconds in delays:
        attempts.pause(seconds)
        try:
            found = next((s for s in submissions(slug, timeout=timeout) if tag in s.description), None)
        except KitError as error:
            what = f"cannot check whether the submission arrived: {error.what}"
            raise UnknownOutcomeError(what, hint=_CHECK_HINT) from None
        if found:
            return found
    return None


def submissions(slug: str, *, timeout: float) -> Iterator[Submission]:
    """Yield the team's submissions, newest first, at most 2,000; pages are requested on demand.

    Raises:
        UserError, KitError: as `download`.
    """
    token = ""
    for _ in range(_MAX_PAGES):
        page = with_retries(partial(attempt, "page", slug, timeout, token=token), timeout)
        yield from (Submission(**content) for content in page["submissions"])
        token = page["next"]
        if not token:
            break


def get(slug: str, ref: int, *, timeout: float, within: float) -> Submission:
    """Return submission `ref` of competition `slug`; retry for about `within` seconds.

    Raises:
        UserError, KitError: as `download`.
    """
    timeout = min(timeout, within)
    return Submission(**with_retries(partial(attempt, "get", slug, timeout, ref=ref), timeout, within=within))
