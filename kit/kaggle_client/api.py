"""What the kit asks of Kaggle, a function each. Deadlines, repeats and error messages are theirs."""

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
from kit.kaggle_client.attempts import ATTEMPTS, announce, attempt, budget, repeated, waiting
from kit.kaggle_client.errors import CallError, Fault, UnknownOutcomeError, explain
from kit.terminals import can_redraw

_SETTLE = (1.0, 2.0, 4.0, 8.0)
"""Waits between looks for a submission whose answer was lost, before it counts as not received."""
_LOOK_AGAIN = "`kit submissions` looks whether it arrived; `kit submit` sends again only what did not"
_PAGES = 20
"""Pages of 100 submissions to look through."""


@dataclass(frozen=True)
class Limits:
    """How often the team submitted today and in all, and how often it still may today."""

    today: int
    total: int
    left: int


@dataclass(frozen=True)
class Submission:
    """A submission as Kaggle lists it. Scores are Kaggle's own strings, empty where there are none."""

    ref: int
    status: str
    """pending, complete or error."""
    public_score: str
    private_score: str
    error: str
    description: str


def download(slug: str, folder: Path, *, timeout: float) -> Path:
    """Download all files of competition `slug` as one zip into `folder`, and check it.

    Args:
        slug: the competition's name in its address.
        folder: an existing folder; the whole file is left there, or nothing.
        timeout: seconds after which an attempt is ended; the next one goes on where it stopped.

    Returns:
        The zip file, `<slug>.zip` in `folder`.

    Raises:
        UserError: no or wrong credentials, the competition's rules not accepted, no such competition.
        KitError: a passing fault after the last attempt, a web page instead of the file.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary, _progress() as show:
        part = Path(temporary).absolute() / "part"

        def fetch() -> None:
            def watch() -> None:
                show(part.stat().st_size if part.exists() else 0)

            attempt("download", slug, timeout, watch=watch, path=str(part))
            _check_zip(part, slug)

        repeated(fetch, timeout)
        return part.replace(folder / f"{Path(slug).name}.zip")


def _check_zip(part: Path, slug: str) -> None:
    try:
        with zipfile.ZipFile(part) as archive:
            damaged = archive.testzip()
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        damaged = "all"
    except RuntimeError:
        damaged = None  # Encrypted, or packed in another way: whole for all that is known.
    if damaged is None:
        return
    start = part.read_bytes()[:512].lstrip()[:1] if part.exists() else b""
    part.unlink(missing_ok=True)
    if start in (b"<", b"{"):
        raise explain(Fault("page", message="a web page" if start == b"<" else "JSON"), slug)
    raise explain(Fault("network", message="the file came incomplete"), slug)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Give a function that shows on a terminal how many bytes have come."""
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
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        FileSizeColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not can_redraw(console)) as progress:
        task = progress.add_task("downloading from Kaggle", total=None)
        yield lambda size: progress.update(task, completed=size)


def limits(slug: str, *, timeout: float) -> Limits | None:
    """Return the team's quota; None where Kaggle does not tell it. All zero: there is no team yet.

    Raises:
        UserError, KitError: as `download`.
    """
    told = repeated(partial(attempt, "limits", slug, timeout), timeout)
    return Limits(**told) if told else None


def upload(slug: str, path: Path, *, timeout: float) -> str:
    """Upload `path`, which submits nothing yet, and return the token that stands for it.

    Raises:
        UserError, KitError: as `download`; the upload refused.
    """
    return str(repeated(partial(attempt, "upload", slug, timeout, path=str(path.absolute())), timeout))


def create(slug: str, token: str, description: str, tag: str, *, timeout: float) -> int:
    """Make a submission of what was uploaded, once, and return its ref.

    An attempt whose answer is lost may have arrived all the same. So before anything is sent again, Kaggle's
    list is searched for `tag`, which must stand in `description`.

    Raises:
        UserError: as `download`; the quota spent, submissions disabled, from notebooks only.
        UnknownOutcomeError: sent, not in Kaggle's list yet, and nothing tells whether it arrived.
        KitError: it did not arrive.
    """
    end = time.monotonic() + budget(timeout)
    for number in range(1, ATTEMPTS + 1):
        try:
            return int(attempt("create", slug, timeout, token=token, description=description))
        except CallError as error:
            fault = error
        waits = (waiting(fault, number),) if fault.settled else _SETTLE
        last = number == ATTEMPTS or not fault.passing or time.monotonic() + sum(waits) + timeout > end
        if last and fault.settled:
            waits = (1.0,)
        if not last:
            announce(fault, sum(waits), number)
        if found := _wait_for(slug, tag, waits, timeout):
            return found.ref
        if last:
            break
    failure = fault.after(number)
    if fault.settled:
        raise failure
    raise UnknownOutcomeError(f"{failure.what}; Kaggle's list does not have the submission", hint=_LOOK_AGAIN)


def _wait_for(slug: str, tag: str, waits: Iterable[float], timeout: float) -> Submission | None:
    for seconds in waits:
        attempts.pause(seconds)
        try:
            found = next((one for one in submissions(slug, timeout=timeout) if tag in one.description), None)
        except KitError as error:
            what = f"no look at Kaggle's list whether the submission arrived: {error.what}"
            raise UnknownOutcomeError(what, hint=_LOOK_AGAIN) from None
        if found:
            return found
    return None


def submissions(slug: str, *, timeout: float) -> Iterator[Submission]:
    """Yield the team's submissions, newest first, at most 2,000; asks for a page when it is needed.

    Raises:
        UserError, KitError: as `download`.
    """
    token = ""
    for _ in range(_PAGES):
        page = repeated(partial(attempt, "page", slug, timeout, token=token), timeout)
        yield from (Submission(**content) for content in page["submissions"])
        token = page["next"]
        if not token:
            break


def get(slug: str, ref: int, *, timeout: float, within: float) -> Submission:
    """Return submission `ref` of competition `slug`, trying for about `within` seconds.

    Raises:
        UserError, KitError: as `download`.
    """
    timeout = min(timeout, within)
    return Submission(**repeated(partial(attempt, "get", slug, timeout, ref=ref), timeout, within=within))
