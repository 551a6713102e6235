"""Runs on disk. The only module that knows file names under runs/."""

from __future__ import annotations

import difflib
import shutil
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from kit import checksums, holders, images, locks, names, oof, tables
from kit.arrays import load_array
from kit.damage import ARRAY_ERRORS
from kit.errors import KitError, UserError
from kit.files import REPAIR, atomic, read_json, write_json
from kit.lazy import LazyModule
from kit.member_files import MemberFiles
from kit.members import Member, plan_members
from kit.names import plain_name
from kit.records import EnsembleRecord, Report, RunRecord, Status
from kit.records.files import read_record, write_record
from kit.studies import refuse_study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kit.images import Images
    from kit.oof import Oof
    from kit.tables import Predictions
else:
    np = LazyModule("numpy")

RUNS = names.RUNS
COVERED = ("*.npy", "*.npz", "*.csv", "ensemble.json", "report.json", "members/*.npz", "members/*.keras")
"""The files that SHA256SUMS covers; run.json and report.html carry their own checksum."""
_PATIENCE = 10.0
"""Seconds to wait while another process writes the run."""


class Run(MemberFiles):
    """The folder of one cross-validation, or of an ensemble of runs."""

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
        """OOF probabilities of the ensemble."""
        return self.path / "oof.csv"

    @property
    def submission_path(self) -> Path:
        """The submission to Kaggle."""
        return self.path / "submission.csv"

    @property
    def test_path(self) -> Path:
        """Test probabilities of the ensemble; runs of earlier versions lack it."""
        return self.path / "test.csv"

    @property
    def history_path(self) -> Path:
        """Learning curves of all members; runs of earlier versions lack it."""
        return self.path / "history.csv"

    @property
    def report_path(self) -> Path:
        """Every figure of the report."""
        return self.path / "report.json"

    @property
    def page_path(self) -> Path:
        """The report as a page."""
        return self.path / "report.html"

    @property
    def images_path(self) -> Path:
        """The images on the page."""
        return self.path / "images.npz"

    @property
    def ensemble_path(self) -> Path:
        """How columns were combined."""
        return self.path / "ensemble.json"

    @property
    def folds_path(self) -> Path:
        """For each seed and row, the fold that holds the row out."""
        return self.path / "folds.npy"

    def exists(self) -> bool:
        """Return whether a run was started in this folder."""
        return self.info_path.is_file()

    def is_finished(self) -> bool:
        """Return whether the run is complete: every member trained, combined and reported."""
        try:
            return self.read_record().status == "complete"
        except KitError:
            return False

    def status(self) -> Status:
        """Return the status; a run whose process was killed is interrupted.

        Takes seconds if another host left the record of its lock; see `kit.holders.is_held`.

        Raises:
            UserError: run.json is missing or damaged.
        """
        status = self.read_record().status
        return "interrupted" if status == "running" and holders.is_held(self.path) is False else status

    def how_to_finish(self) -> str:
        """Return what to do about a run that is not finished."""
        if self.status() == "running":
            return "wait until it is finished"
        return f"rerun the command that started it to resume: `{self.read_record().command}`"

    def has_results(self) -> bool:
        """Return whether all results of the ensemble exist and its records are readable."""
        try:
            self.read_report()
            self.read_ensemble()
        except UserError:
            return False
        return self.oof_path.is_file() and self.submission_path.is_file()

    def read_record(self) -> RunRecord:
        """Return run.json.

        Raises:
            UserError: it is missing, damaged, or was written by a later version.
        """
        return read_record(self.info_path, RunRecord)

    def write_record(self, record: RunRecord) -> None:
        """Replace run.json; its key `checksum` covers all others."""
        content = record.model_dump(mode="json")
        write_json(self.info_path, content | {"checksum": checksums.of_record(content)})

    def check_record(self) -> bool:
        """Return whether run.json is as `write_record` wrote it; False if an earlier version wrote it.

        Raises:
            UserError: it is not readable, or its checksum differs.
        """
        content = read_json(self.info_path)
        if "checksum" not in content and checksums.known(self.path) is None:
            return False
        if content.get("checksum") != checksums.of_record(content):
            raise UserError("damaged or edited: its own checksum differs", where=str(self.info_path))
        return True

    def read_report(self) -> Report:
        """Return report.json; see `read_record` for errors."""
        if not self.report_path.exists():
            return read_record(self.report_path, Report, repair=f"compute it: `kit report {self.name}`")
        repair = f"delete it and compute it again: `kit report {self.name}`"
        self._check(self.report_path, repair)
        return read_record(self.report_path, Report, repair=repair)

    def write_report(self, report: Report) -> None:
        """Replace report.json."""
        with self.recorded(self.report_path) as path:
            write_record(path, report)

    def read_ensemble(self) -> EnsembleRecord:
        """Return ensemble.json (blend.json in runs of version 1); see `read_record` for errors."""
        old = self.path / "blend.json"
        self._check(self.ensemble_path, REPAIR)
        return read_record(old if old.is_file() else self.ensemble_path, EnsembleRecord)

    def write_ensemble(self, ensemble: EnsembleRecord) -> None:
        """Replace ensemble.json."""
        with self.recorded(self.ensemble_path) as path:
            write_record(path, ensemble)

    def read_folds(self) -> NDArray[np.int8]:
        """Return (seeds, rows) int8: the fold that holds the row out.

        Raises:
            UserError: the file is missing or damaged.
        """
        self._check(self.folds_path, REPAIR)
        try:
            folds: NDArray[np.int8] = load_array(self.folds_path)
            if folds.dtype != np.int8 or folds.ndim != 2:
                raise ValueError("another array")
        except ARRAY_ERRORS as error:
            raise UserError("missing or damaged", where=str(self.folds_path), hint=REPAIR) from error
        return folds

    def write_folds(self, folds: NDArray[np.int8]) -> None:
        """Write (seeds, rows) int8: the fold that holds the row out."""
        buffer = BytesIO()  # NumPy does not say why a file cannot be written.
        np.save(buffer, folds, allow_pickle=False)
        with self.recorded(self.folds_path) as path, atomic(path) as file:
            file.write(buffer.getvalue())

    def planned(self) -> list[Member]:
        """Return the members that the run's configuration requires, trained or not; none for an ensemble.

        Raises:
            UserError: run.json is missing or damaged.
        """
        record = self.read_record()
        if record.sources:
            return []
        config = record.config
        try:
            folds, seeds = config["folds"]["count"], config["seeds"]
            if not (type(folds) is int and 0 < folds <= 100 and all(type(seed) is int for seed in seeds)):
                raise TypeError("not numbers")
            return plan_members(list(config["models"]), folds, seeds, all_rows=config.get("all_rows", False))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UserError("config is damaged", where=str(self.info_path), hint=REPAIR) from error

    def read_oof(self) -> Oof:
        """Return oof.csv; see `kit.oof.read`."""
        self._check(self.oof_path, REPAIR)
        return oof.read(self.oof_path)

    def write_oof(self, table: Oof) -> None:
        """Replace oof.csv."""
        with self.recorded(self.oof_path) as path:
            oof.write(path, table)

    def write_test(self, table: Predictions) -> None:
        """Replace test.csv."""
        with self.recorded(self.test_path) as path:
            tables.write_test(path, table)

    def write_history(self, report: Report) -> None:
        """Replace history.csv."""
        with self.recorded(self.history_path) as path:
            tables.write_history(path, report)

    def read_images(self) -> Images:
        """Return images.npz; see `kit.images.read`."""
        self._check(self.images_path, "delete it, then: `kit report`")
        return images.read(self.images_path)

    def write_images(self, shown: Images) -> None:
        """Replace images.npz."""
        with self.recorded(self.images_path) as path:
            images.write(path, shown)

    def start_sums(self) -> None:
        """Write SHA256SUMS with the files that the run has, if it has none or only a damaged one."""
        if checksums.known(self.path) is None:
            there = [path for pattern in COVERED for path in self.path.glob(pattern)]
            sums = {path.relative_to(self.path).as_posix(): checksums.digest(path) for path in there}
            checksums.write(self.path, sums)

    def recorded(self, path: Path) -> AbstractContextManager[Path]:
        """Replace a file of the run, after its line in SHA256SUMS; see `kit.checksums.recorded`."""
        return checksums.recorded(self.path, path)

    def _check(self, path: Path, hint: str) -> None:
        """Check a file against its line in SHA256SUMS; whoever reads it reports that it is missing."""
        with suppress(OSError):
            checksums.check(self.path, path, hint)

    @contextmanager
    def updating(self) -> Iterator[None]:
        """Keep other processes from writing this run, as `locked` does, for an update of a few seconds.

        On a file system without locks, no process but `kit report` can write the run: it goes ahead.

        Raises:
            UserError: another process writes the run and does not end soon.
        """
        with ExitStack() as stack:
            with suppress(locks.NoLocksError):
                deadline = time.monotonic() + _PATIENCE
                while not stack.enter_context(locks.locked(self.path, wait=False)):
                    stack.close()
                    if time.monotonic() > deadline:
                        raise UserError("another process is writing this run", where=str(self.path))
            yield

    @contextmanager
    def locked(self, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Keep other processes from writing this run; the lock ends with the process, even if it is killed.

        Args:
            say: receives a line if the lock of a process on another host is taken over.

        Raises:
            UserError: another process holds the lock, or the file system has no locks.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with locks.locked(self.path, wait=False) as held, holders.claimed(self.path, held=held, say=say):
            # Partly written files of a killed process.
            for path in [*self.path.glob(".*"), *self.path.glob("members/.*")]:
                if path.is_file():
                    path.unlink()
            yield

    def clear(self) -> None:
        """Remove everything in the run's folder except the record of who holds its lock."""
        for path in self.path.iterdir():
            if path.name != holders.NAME:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def data_page_path(config: str) -> Path:
    """Return the path of the page that shows the data of a configuration."""
    return RUNS / f"data-check-{plain_name(config)}.html"


COMPARISONS = "comparisons"
"""Folder of the pages that compare runs; no run has this name."""


def comparison_path(names: Sequence[str]) -> Path:
    """Return the path of the page that compares the runs with these names."""
    text = "-vs-".join(names)
    stem = plain_name(text)
    if stem != text:
        stem += f"-{sha256(text.encode()).hexdigest()[:8]}"
    return RUNS / COMPARISONS / f"{stem}.html"


def all_runs() -> list[Run]:
    """Return the runs in this working directory, newest first, with those that cannot be read."""
    folders = RUNS.iterdir() if RUNS.is_dir() else ()
    return sorted((Run(path) for path in folders if _holds_run(path)), key=_started, reverse=True)


def _holds_run(folder: Path) -> bool:
    try:
        return Run(folder).exists()
    except PermissionError:
        return True  # Listed as unreadable; without it, the run would seem lost.


def _started(run: Run) -> str:
    try:
        return run.read_record().started
    except KitError:
        return ""  # Unreadable runs sort as the oldest.


def _places(name: str) -> tuple[Path, Path]:
    return RUNS / name, Path(name)


def holds_run(name: str) -> bool:
    """Return whether this is the name or the path of a run."""
    return any(Run(path).exists() for path in _places(name))


def find_run(name: str | None, *, on_sample: bool = True) -> Run:
    """Return the run with this name or path; without a name, the newest finished run.

    Args:
        name: a run's name under runs/, or the path of its folder.
        on_sample: whether the newest run may be one on the bundled sample.

    Raises:
        UserError: no such run, or the name is one of a study.
    """
    if name is None:
        for run in all_runs():
            if run.is_finished() and (on_sample or not run.read_record().sample):
                return run
        raise UserError(
            "no finished run" + ("" if on_sample else " on competition data"),
            where=str(RUNS),
            hint="train one: `kit cv`",
        )
    for path in _places(name):
        if Run(path).exists():
            return Run(path)
    refuse_study(name)
    known = ", ".join(run.name for run in all_runs()[:5])
    raise UserError(
        f"there is no run {name!r}{_similar_run(name)}",
        where=str(RUNS),
        expected=f"a run ({known or 'none yet'}) or the path of one",
        hint="`kit runs` lists them" if known else "train one: `kit cv`",
    )


def newest_run(config: str) -> Run:
    """Return the newest run of a configuration, finished or not.

    Raises:
        UserError: there is none.
    """
    for run in all_runs():
        try:
            record = run.read_record()
        except KitError:
            continue
        if record.config_name == config and not record.sources:
            return run
    hint = "name one: --run NAME; `kit runs` lists them"
    raise UserError(f"there is no run of the configuration {config!r}", where=str(RUNS), hint=hint)


def _similar_run(name: str) -> str:
    """Return "; did you mean 'x'?": the newest run of this configuration, or one of a similar name."""
    stem = Path(name).name
    runs = {run.name: run.name.rpartition("-")[0] for run in all_runs()}
    near = [run for run, config in runs.items() if stem == config]
    near = near or difflib.get_close_matches(stem, runs, 1, 0.7)
    if not near:
        configs = difflib.get_close_matches(stem, runs.values(), 1, 0.6)
        near = [run for run, config in runs.items() if config in configs]
    return f"; did you mean {near[0]!r}?" if near else ""
