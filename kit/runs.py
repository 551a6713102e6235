"""Runs on disk. The only module that knows a file name under runs/."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from kit import locks
from kit.errors import KitError, UserError
from kit.files import atomic, read_json, write_json
from kit.masking import masked
from kit.members import Member, MemberResult, pack, plan_members, unpack

RUNS = Path("runs")
LONGEST_STEM, LONGEST_NAME = 80, 180
"""Bytes of a name that comes from a file, and of one that is chosen: file systems take 255, ends included."""


def plain_name(stem: str) -> str:
    """Return the name of a configuration as a part of the names of runs and studies.

    Letters, digits, - _ and . stay; others may mean something in a URL, a shell or a file system.

    Raises:
        UserError: it is not in UTF-8.
    """
    try:
        stem.encode()
    except UnicodeEncodeError:
        raise UserError("its name is not in UTF-8", where=repr(stem), hint="rename the file") from None
    name = re.sub(r"[^\w.-]", "-", stem).lstrip(".-") or "config"
    return name.encode()[:LONGEST_STEM].decode(errors="ignore")


def check_name(name: str, where: str) -> None:
    """Check a name that was chosen for a run or a study.

    Raises:
        UserError: it is too long, or holds anything but letters, digits, - _ and ., as a path does.
    """
    if not re.fullmatch(r"\w[\w.-]*", name) or len(name.encode()) > LONGEST_NAME:
        raise UserError(
            "not a name",
            where=where,
            expected=f"letters, digits, - _ and ., in at most {LONGEST_NAME} bytes",
            received=f"{name!r:.200}",
        )


class Run:
    """The folder of one cross-validation."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def info_path(self) -> Path:
        """Configuration, hash, data fingerprint, versions, machine, status, times."""
        return self.path / "run.json"

    @property
    def oof_path(self) -> Path:
        """Out-of-fold probabilities of the blend."""
        return self.path / "oof.csv"

    @property
    def submission_path(self) -> Path:
        """What goes to Kaggle."""
        return self.path / "submission.csv"

    @property
    def report_path(self) -> Path:
        """Every figure of the report."""
        return self.path / "report.json"

    @property
    def ensemble_path(self) -> Path:
        """How columns were combined."""
        return self.path / "ensemble.json"

    def exists(self) -> bool:
        """Say whether a run was begun here."""
        return self.info_path.is_file()

    def is_finished(self) -> bool:
        """Say whether the run is complete: every member trained, combined and reported."""
        try:
            return bool(self.info()["status"] == "complete")
        except (KitError, KeyError):
            return False

    def status(self) -> str:
        """Return running, complete, failed or interrupted; the last also where its process was killed.

        Raises:
            UserError, KeyError: run.json is absent or damaged.
        """
        status = str(self.info()["status"])
        return "interrupted" if status == "running" and locks.held(self.path) is False else status

    def has_results(self) -> bool:
        """Say whether all that is made of members is there."""
        results = (self.oof_path, self.submission_path, self.report_path, self.ensemble_path)
        return all(path.is_file() for path in results)

    def info(self) -> dict[str, Any]:
        """Return run.json."""
        return read_json(self.info_path)

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Replace run.json."""
        write_json(self.info_path, info)

    def report(self) -> dict[str, Any]:
        """Return report.json."""
        return read_json(self.report_path)

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Replace report.json."""
        write_json(self.report_path, report)

    def write_ensemble(self, blend: Mapping[str, Any]) -> None:
        """Replace ensemble.json."""
        write_json(self.ensemble_path, blend)

    def write_folds(self, folds: NDArray[np.int8]) -> None:
        """Write (seeds, rows) int8: the fold that holds the row out."""
        with atomic(self.path / "folds.npy") as file:
            np.save(file, folds, allow_pickle=False)

    def member_path(self, member: Member) -> Path:
        """Arrays of a member; its Keras model lies beside them."""
        return self.path / "members" / f"{member}.npz"

    def has(self, member: Member) -> bool:
        """Say whether the member is trained and readable."""
        try:
            with np.load(self.member_path(member), allow_pickle=False) as arrays:
                return "history" in arrays
        except (OSError, EOFError, ValueError, BadZipFile):
            return False

    def planned(self) -> list[Member]:
        """Return the members that the run's configuration asks for, trained or not."""
        config = self.info()["config"]
        return plan_members(
            config["models"],
            config["folds"]["count"],
            config["seeds"],
            all_rows=bool(config.get("all_rows")),
        )

    def write_oof(self, labels: NDArray[np.integer], probs: NDArray[np.floating]) -> None:
        """Write one line per training row: row, label, predicted class, and its probabilities with 12 digits.

        Args:
            labels: (rows,).
            probs: (rows, classes); rows that sum to one as float32 are written so that they do as float64.
        """
        classes = probs.shape[1]
        exact = probs.astype(np.float64)
        exact /= exact.sum(axis=1, keepdims=True)
        header = ",".join(["row", "label", "predicted", *(f"p{label}" for label in range(classes))])
        table = np.column_stack([np.arange(len(labels)), labels, probs.argmax(axis=1), exact])
        with atomic(self.oof_path) as file:
            np.savetxt(
                file, table, fmt=["%d"] * 3 + ["%.12g"] * classes, delimiter=",", header=header, comments=""
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training this run; the lock goes with the process, however it ends.

        Raises:
            UserError: another process holds it, or the file system has no locks.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with locks.locked(self.path, wait=False) as held:
            if not held:
                raise UserError(
                    "another process is training this run",
                    where=str(self.path),
                    hint="wait for it, or choose another --run NAME",
                )
            # What a process that was killed had half written.
            for path in [*self.path.glob(".*"), *self.path.glob("members/.*")]:
                if path.is_file():
                    path.unlink()
            yield

    def clear(self) -> None:
        """Remove everything in the run's folder."""
        for path in self.path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def log_path(self, member: Member) -> Path:
        """What the worker of a member that failed wrote on stderr; gone once the member is trained."""
        return self.member_path(member).with_suffix(".log")

    def write_log(self, member: Member, text: str) -> None:
        """Replace a member's log; secrets are masked."""
        with atomic(self.log_path(member)) as file:
            file.write(masked(text).encode())

    def write_member(self, member: Member, result: MemberResult) -> None:
        """Write a member: its model first, so that arrays stand for a complete member."""
        self.log_path(member).unlink(missing_ok=True)
        if result.network is not None:
            with atomic(self.member_path(member).with_suffix(".keras")) as file:
                file.write(result.network)
        with atomic(self.member_path(member)) as file:
            file.write(pack(result))

    def read_member(self, member: Member) -> MemberResult:
        """Return a member's arrays and history, without its network."""
        return unpack(self.member_path(member).read_bytes())


def all_runs() -> list[Run]:
    """Return the runs of this working directory, newest first; those that may not be read too."""
    folders = RUNS.iterdir() if RUNS.is_dir() else ()
    return sorted((Run(path) for path in folders if _holds_run(path)), key=_started, reverse=True)


def _holds_run(folder: Path) -> bool:
    try:
        return Run(folder).exists()
    except PermissionError:
        return True  # Named as unreadable: left out, it would seem lost.


def _started(run: Run) -> str:
    try:
        return str(run.info()["started"])
    except (KitError, KeyError):
        return ""  # An unreadable run is the oldest.


def find_run(name: str | None, *, on_sample: bool = True) -> Run:
    """Return the run called `name` (or at that path); without a name, the newest finished one.

    Args:
        name: a run's name under runs/, or the path of its folder.
        on_sample: whether a run on the bundled sample may be the newest.

    Raises:
        UserError: there is none.
    """
    if name is None:
        for run in all_runs():
            if run.is_finished() and (on_sample or not run.info()["sample"]):
                return run
        raise UserError(
            "no finished run" + ("" if on_sample else " on competition data"),
            where=str(RUNS),
            hint="train one: kit cv",
        )
    for path in (RUNS / name, Path(name)):
        if Run(path).exists():
            return Run(path)
    known = ", ".join(run.name for run in all_runs()[:5]) or "none yet"
    raise UserError(
        f"there is no run {name!r}",
        where=str(RUNS),
        expected=f"a run ({known}) or the path of one",
        hint="kit runs lists them",
    )
