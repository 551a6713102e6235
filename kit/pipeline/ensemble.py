"""`kit ensemble`: from the columns of several runs to one ensemble, stored like a run."""

import json
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kit import holders
from kit.config import validate
from kit.config.root import HASH_VERSION
from kit.ensembling.problem import cross_folds
from kit.ensembling.sources import SourceColumns
from kit.errors import UserError
from kit.interrupts import deferred
from kit.masking import masked
from kit.names import check_name
from kit.pipeline.combinable import command_of, read_columns, read_combinable
from kit.pipeline.combining import combine_sources
from kit.pipeline.results import report_of, write_results
from kit.pipeline.run_record import now, track_status
from kit.pipeline.same_data import FinishedRun
from kit.records import Origin, RunRecord
from kit.reports.html.text import counted
from kit.run_folder import COMPARISONS, RUNS, Run
from kit.studies import PREFIX
from kit.task.labels import LabelEncoder
from kit.task.submission import submitted_ids
from kit.task.task import make_task
from kit.training import machine

CONFIG_NAME = "ensemble"
_RENAME = "choose another --name"


@dataclass(frozen=True)
class Settings:
    """How columns are combined.

    Attributes:
        method: one of `kit.ensembling.methods.METHODS`, or auto.
        tta: use the mean over views; None: as each run does.
        calibrate: scale each column by a temperature.
    """

    method: str = "auto"
    tta: bool | None = None
    calibrate: bool = False


def ensemble(
    runs: Sequence[Run],
    settings: Settings,
    say: Callable[[str], None],
    *,
    name: str | None = None,
    fresh: bool = False,
) -> tuple[Run, bool]:
    """Combine the columns of finished runs on the same data.

    Args:
        runs: one or more.
        settings: how.
        say: receives what is done, a line each.
        name: of the ensemble; None: "ensemble-" and the start of its hash.
        fresh: replace an ensemble of this name.

    Returns:
        The ensemble as a run, and whether it was complete before.

    Raises:
        UserError: the runs cannot be combined, the name is in use, or runs/ cannot be written; nothing was
            written.
        KitError: the members of a run do not fit together.
    """
    _check_name(name)
    finished = read_combinable(runs)
    parts = read_columns(finished, settings.method, tta=settings.tta)
    record = _record(finished, parts, settings, name)
    run = Run(RUNS / record.name)
    if _is_done(run, record, fresh=fresh):
        return run, True
    _check_writable(run)
    columns = counted(sum(len(part.columns) for part in parts), "column")
    say(f"{record.name}: combining {columns} of {counted(len(parts), 'run')}")
    config, table = validate(record.config), finished[0].table
    ids = submitted_ids(finished[0].run.submission_path)
    done = combine_sources(parts, config, table.labels)
    folds = cross_folds([column.held_out for column in done.columns])[None]
    report = report_of(
        record,
        config,
        done,
        labels=table.labels,
        names=table.names,
        folds=folds,
        ids=ids,
        train_names=table.ids,
    )
    task = make_task(config.competition, LabelEncoder(table.names))
    # An interrupt waits until all is written, about a second: --fresh replaces another ensemble.
    with deferred(), run.locked():
        if _is_done(run, record, fresh=fresh):  # Another process was faster.
            return run, True
        run.clear()
        with track_status(run, record):
            run.start_sums()
            run.write_folds(folds)
            write_results(
                run,
                record,
                config,
                done,
                report,
                labels=table.labels,
                task=task,
                ids=ids,
                train_names=table.ids,
            )
    return run, False


def _record(
    finished: Sequence[FinishedRun], parts: Sequence[SourceColumns], settings: Settings, name: str | None
) -> RunRecord:
    """Return run.json. The configuration is that of the first run, but for how columns are combined."""
    # The fingerprint of a run of version 1 cannot be compared with that of other runs.
    first = min(finished, key=lambda one: one.is_old).record
    config = validate(first.config)
    ensembling = config.ensemble.model_copy(
        update={"method": settings.method, "calibrate": settings.calibrate}
    )
    sources = sorted((part.source for part in parts), key=lambda source: source.name)
    covered = {
        "sources": sorted((source.content, source.tta) for source in sources),
        "method": settings.method,
        "calibrate": settings.calibrate,
        "metric": config.competition.metric,
    }
    digest = sha256(json.dumps(covered).encode()).hexdigest()
    return RunRecord(
        name=name or f"{CONFIG_NAME}-{digest[:8]}",
        config_name=CONFIG_NAME,
        config=config.model_copy(update={"ensemble": ensembling}).model_dump(mode="json"),
        hash=digest,
        hash_version=HASH_VERSION,
        fingerprint=first.fingerprint,
        labels=first.labels,
        sample=first.sample,
        source=first.source,
        rows=len(finished[0].table.labels),
        test_rows=len(parts[0].columns[0].test),
        test_ids=first.test_ids,
        versions=machine.versions(),
        machine=machine.describe(),
        started=now(),
        members_planned=sum(source.members for source in sources),
        wall_seconds=sum(one.record.wall_seconds for one in finished),
        origin=Origin(command=_command(finished, settings, name)),
        sources=tuple(sources),
    )


def _command(finished: Sequence[FinishedRun], settings: Settings, name: str | None) -> str:
    words = ["--method", settings.method]
    if name:
        words += ["--name", name]
    if settings.tta is not None:
        words += ["--set", f"ensemble.tta={str(settings.tta).lower()}"]
    if settings.calibrate:
        words += ["--set", "ensemble.calibrate=true"]
    return masked(f"{command_of([one.run.path for one in finished])} {shlex.join(words)}")


def _check_name(name: str | None) -> None:
    """Check --name.

    Raises:
        UserError: it cannot be the name of an ensemble.
    """
    if name is not None:
        check_name(name, "--name")
    if name == COMPARISONS:
        raise UserError("`kit compare` writes to this folder", where="--name", received=name, hint=_RENAME)
    if name and name.startswith(PREFIX):
        raise UserError("folders of studies begin like this", where="--name", received=name, hint=_RENAME)


def _check_writable(run: Run) -> None:
    """Check that the ensemble can be written, before it is computed.

    Raises:
        UserError: the folder is not writable.
    """
    folder = next(path for path in (run.path, RUNS, Path()) if path.is_dir())
    if not os.access(folder, os.W_OK):
        raise UserError(
            "this folder is not writable",
            where=f"{folder}/",
            hint="look at its permissions, or work in another folder and name the runs by their paths",
        )


def _is_done(run: Run, record: RunRecord, *, fresh: bool) -> bool:
    """Return whether the ensemble is stored already.

    Raises:
        UserError: there is something else under this name.
    """
    if not run.exists():
        if run.path.is_file() or any(one.name != holders.NAME for one in run.path.glob("[!.]*")):
            raise UserError("there is another file or folder of this name", where=str(run.path), hint=_RENAME)
        return False
    before = run.read_record()
    if not before.sources:
        raise UserError("there is a run of this name", where=str(run.path), hint=_RENAME)
    if fresh:
        return False
    if before.hash == record.hash:
        return run.is_finished() and run.has_results()
    raise UserError(
        f"there is another ensemble of this name, made by: `{before.command}`",
        where=str(run.path),
        hint=f"{_RENAME}, or --fresh to replace it",
    )
