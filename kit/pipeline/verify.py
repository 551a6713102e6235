"""Verify what a run has on disk: checksums, and the content of its members. Nothing is written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from kit import checksums, locks
from kit.checksums import DIFFERS, SUMS
from kit.ensembling.columns import TOLERANCE
from kit.errors import KitError, UserError
from kit.members import Member, MemberResult
from kit.records import RunRecord
from kit.reports.html.text import counted
from kit.run_folder import COVERED, Run

OTHER_SETTINGS = "it was trained for other data or settings"
UNKNOWN_SETTINGS = "it does not say for which settings it was trained"
_UNLISTED = f"it is not listed in {SUMS}"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong in a run.

    Attributes:
        path: the file.
        what: a short sentence.
    """

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class Verification:
    """What the verification of a run found.

    Attributes:
        run: the run.
        members: number of members that are stored.
        planned: number of members of the finished run; 0 for an ensemble of runs.
        files: number of files that were checked.
        findings: what is wrong, in the order of the files.
        has_sums: whether there are checksums to compare with.
    """

    run: Run
    members: int
    planned: int
    files: int
    findings: tuple[Finding, ...]
    has_sums: bool

    @property
    def repair(self) -> str:
        """What to do about the findings."""
        try:
            record = self.run.read_record()
        except KitError:
            return "rerun the `kit cv` command that made the run: it keeps what is undamaged"
        again = " --fresh" if record.sources else ""
        return f"`{record.command}{again}` repairs the run: damaged files are kept aside, and made again"

    def __str__(self) -> str:
        damaged = sorted({one.path.relative_to(self.run.path).as_posix() for one in self.findings})
        if damaged:
            verb = "is" if len(damaged) == 1 else "are"
            return f"{len(damaged)} of {counted(self.files, 'file')} {verb} damaged: {', '.join(damaged)}"
        members = f"{counted(self.members, 'member')}, " if self.planned else ""
        text = f"{members}{counted(self.files, 'file')}: nothing wrong"
        if missing := self.planned - self.members:
            text += f"; {counted(missing, 'member')} not trained yet"
        if not self.has_sums:
            text += "; an earlier version of kit made this run: there are no checksums to compare with"
        return text


@dataclass(frozen=True, eq=False)
class Expectation:
    """What a member of a run must be.

    Attributes:
        hash: `RunRecord.hash` of the run.
        must_state_hash: whether a member that states no hash is refused.
        test_rows, classes: sizes of the predictions; 0 if unknown.
        seeds: the seed of each row of `folds`.
        folds: (seeds, rows) int8, the fold that holds the row out; None if unknown.
        sums: checksum of each file by its path in the run; None if there are none.
    """

    hash: str
    must_state_hash: bool
    test_rows: int
    classes: int
    seeds: tuple[int, ...]
    folds: NDArray[np.int8] | None
    sums: dict[str, str] | None


def verify(run: Run) -> Verification:
    """Verify a run: its checksums, its members' content, and run.json.

    Of a run that is not finished, only the members are verified: `kit cv` writes the results again.

    Raises:
        UserError: a process is writing the run.
    """
    if locks.held(run.path):
        raise UserError("another process is writing this run", where=str(run.path), hint="wait until it ends")
    findings, record = _of_record(run)
    try:
        sums = checksums.read(run.path)
        if sums is None and _states_checksum(run):
            findings.append(Finding(run.path / SUMS, "missing"))
    except UserError as error:
        sums = None
        findings.append(Finding(run.path / SUMS, error.what))
    unfinished = record is not None and record.status != "complete"
    planned = run.planned() if record else []
    paths = _paths(run, sums)
    of_members = {path for path in paths if path.parent != run.path}
    if not unfinished:
        for path in sorted(paths - of_members):
            findings += [Finding(path, what) for what in _problems(run, path, sums)]
        findings += _of_page(run)
    if record and planned:
        bad = {one.path for one in findings}
        expected = _expectation(run, record, sums, folds_are_known=run.folds_path not in bad)
        for member in planned:
            if run.member_path(member).is_file() or not unfinished:
                findings += check_member(run, member, expected)
        of_members -= {file(member) for member in planned for file in (run.member_path, run.network_path)}
    for path in sorted(of_members):
        findings += [Finding(path, what) for what in _problems(run, path, sums)]
    own = (run.info_path, run.page_path, run.path / SUMS)
    files = len(paths) + sum(path.is_file() for path in own)
    members = sum(run.member_path(member).is_file() for member in planned)
    return Verification(run, members, len(planned), files, tuple(findings), sums is not None)


def check_member(run: Run, member: Member, expected: Expectation) -> list[Finding]:
    """Return what is wrong with a member; empty if nothing is.

    The network of a run without checksums may be missing: earlier versions did not notice that either.
    """
    path, network = run.member_path(member), run.network_path(member)
    findings = [Finding(path, what) for what in _problems(run, path, expected.sums)]
    if not findings:
        try:
            what = _content_problem(member, run.read_member(member), expected)
            findings = [Finding(path, what)] if what else []
        except KitError:
            findings = [Finding(path, "not readable")]
    listed = expected.sums is not None and network.relative_to(run.path).as_posix() in expected.sums
    if listed or network.is_file():
        findings += [Finding(network, what) for what in _problems(run, network, expected.sums)]
    return findings


def check_results(run: Run, sums: dict[str, str]) -> list[Finding]:
    """Return the results of a finished run that are not as their lines in SHA256SUMS say."""
    return [
        Finding(run.path / name, what)
        for name in sorted(sums)
        if "/" not in name
        for what in _problems(run, run.path / name, sums)
    ]


def _of_record(run: Run) -> tuple[list[Finding], RunRecord | None]:
    """Return what is wrong with run.json, and its content if it is readable."""
    try:
        record = run.read_record()
        run.planned()
        run.check_record()
    except UserError as error:
        return [Finding(run.info_path, error.what)], None
    return [], record


def _states_checksum(run: Run) -> bool:
    try:
        return "checksum" in json.loads(run.info_path.read_bytes())
    except (OSError, ValueError):
        return False


def _paths(run: Run, sums: dict[str, str] | None) -> set[Path]:
    """Return the files that are there or should be, without run.json and report.html."""
    there = {path for pattern in COVERED for path in run.path.glob(pattern) if path.name[0] != "."}
    return there | {run.path / name for name in sums or ()}


def _expectation(
    run: Run, record: RunRecord, sums: dict[str, str] | None, *, folds_are_known: bool
) -> Expectation:
    folds, seeds = None, tuple(record.config["seeds"])
    if folds_are_known:
        try:
            folds = run.read_folds()
        except UserError:
            folds = None
    if folds is not None and folds.shape != (len(seeds), record.rows or folds.shape[-1]):
        folds = None
    return Expectation(
        hash=record.hash,
        must_state_hash=False,
        test_rows=record.test_rows,
        classes=len(record.labels),
        seeds=seeds,
        folds=folds,
        sums=sums,
    )


def _problems(run: Run, path: Path, sums: dict[str, str] | None) -> Iterator[str]:
    """Yield what is wrong with a file, without a look at its content if it has a checksum."""
    expected = None if sums is None else sums.get(path.relative_to(run.path).as_posix())
    try:
        if not path.is_file():
            yield "missing"
        elif sums is None:
            yield from _unreadable(run, path)
        elif expected is None:
            yield _UNLISTED
        elif checksums.digest(path) != expected:
            yield DIFFERS
    except OSError as error:
        yield f"not readable: {error.strerror}"


def _unreadable(run: Run, path: Path) -> Iterator[str]:
    """Yield why a file of a run without checksums is not readable."""
    readers = {
        run.oof_path: run.read_oof,
        run.folds_path: run.read_folds,
        run.report_path: run.read_report,
        run.ensemble_path: run.read_ensemble,
        run.images_path: run.read_images,
    }
    try:
        if path in readers:
            readers[path]()
        elif path.suffix in {".npz", ".keras"}:
            with ZipFile(path) as file:
                if name := file.testzip():
                    yield f"the checksum of {name} in it differs"
    except UserError as error:
        yield error.what
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError):
        yield "not readable as a ZIP archive"


def _of_page(run: Run) -> list[Finding]:
    """Return whether report.html is damaged; pages of earlier versions carry no checksum."""
    try:
        page = run.page_path.read_bytes()
    except OSError:
        return []
    if checksums.is_sealed(page) or (checksums.known(run.path) is None and not _states_checksum(run)):
        return []
    return [Finding(run.page_path, "its checksum differs from the one in its last line")]


def _content_problem(member: Member, result: MemberResult, expected: Expectation) -> str | None:
    """Return what is wrong with the arrays and the history of a member; None if nothing is."""
    stated = result.history.hash
    if stated and stated != expected.hash:
        return OTHER_SETTINGS
    if not stated and expected.must_state_hash:
        return UNKNOWN_SETTINGS
    if expected.folds is not None:
        held_out = np.flatnonzero(expected.folds[expected.seeds.index(member.seed)] == member.fold)
        if result.val_rows.dtype != np.int64 or not np.array_equal(result.val_rows, held_out):
            return f"it predicts other rows than fold {member.fold} holds out"
    sizes = {
        "val_probs": len(result.val_rows),
        "test_probs": expected.test_rows or len(result.test_probs),
        "val_probs_tta": len(result.val_rows),
        "test_probs_tta": expected.test_rows or len(result.test_probs),
    }
    for name, rows in sizes.items():
        probs = getattr(result, name)
        if probs is None:
            continue
        classes = expected.classes or probs.shape[-1]
        if probs.dtype != np.float32 or probs.shape != (rows, classes):
            return f"{name} is {probs.dtype} of shape {probs.shape}, not float32 of ({rows}, {classes})"
        # Negated, so that NaN, which compares as false, counts as wrong.
        right = (probs >= 0) & (probs <= 1)
        if not (right.all() and (np.abs(probs.sum(axis=1, dtype=np.float64) - 1) <= TOLERANCE).all()):
            return f"{name} contains rows that are not probabilities"
    return None
