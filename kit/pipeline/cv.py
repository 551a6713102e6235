"""`kit cv`: train and store the members of a run, then write its ensemble, submission and report."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.data.dataset import Dataset
from kit.data.folds import folds_by_seed
from kit.data.source import load
from kit.errors import InterruptedRunError, KitError, UserError
from kit.members import MemberResult
from kit.names import check_name, plain_name
from kit.pipeline.checkpoints import SECONDS, CheckpointStore, interrupted_text
from kit.pipeline.cluster import check_together, devices_for
from kit.pipeline.combining import combine_members
from kit.pipeline.failed_members import Failure, members_failed
from kit.pipeline.rebuild import images_of
from kit.pipeline.results import report_of, write_results
from kit.pipeline.resume import keep, mention_unfinished
from kit.pipeline.run_record import OpenRecord, mark_interrupted, new_record, now, track_status
from kit.records import Origin, RunRecord
from kit.run_folder import COMPARISONS, RUNS, Run, all_runs
from kit.studies import PREFIX
from kit.task.sample import kept_columns
from kit.training.estimate import Expected, expected
from kit.training.failures import WorkerFailedError
from kit.training.job import Job
from kit.training.launch.base import DataFolder, Event, Launcher
from kit.training.launch.local import LocalLauncher
from kit.training.launch.pool import WorkerPool
from kit.training.plan import (
    FASTER,
    make_jobs,
    plan,
    resolve_numerics,
    slow_networks,
    with_pseudo_labels,
)


class ProgressListener(Protocol):
    """Receives the progress events of a run; `say`, `progressed`, `retried` may come from other threads."""

    def say(self, text: str, /) -> None:
        """A line that stays, as about a damaged file."""

    def stage(self, text: str) -> None:
        """The command itself does something that may take seconds, as in "reading data/train.csv"."""

    def begun(
        self,
        run: Run,
        dataset: Dataset,
        jobs: Sequence[Job],
        kept: int,
        *,
        expected: Sequence[Expected],
        workers: int,
    ) -> None:
        """Training starts: each job is expected to take so long; `kept` members are trained already."""

    def progressed(self, event: Event) -> None:
        """A member finished an epoch, or its worker does something else."""

    def retried(self, job: Job, reason: str) -> None:
        """A member is trained again, for this reason, in this way."""

    def ended(self, job: Job, outcome: MemberResult | KitError) -> None:
        """A member is trained and stored, or has failed."""


def cv(
    config: Config,
    config_name: str,
    listener: ProgressListener,
    *,
    name: str | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    checkpoint: float = SECONDS,
    launcher: Launcher | None = None,
    origin: Origin | None = None,
) -> tuple[Run, bool]:
    """Train the missing members of a run, combine all, and report.

    Args:
        config: the resolved configuration.
        config_name: with the hash, the default name of the run.
        listener: receives the progress.
        name: name of the run; None: the default name.
        jobs: parallel workers; None: one per core, or one per GPU.
        fresh: delete what the run already has.
        checkpoint: shortest time between two checkpoints of a member in seconds; 0: after every epoch.
        launcher: starts the workers; None: on this machine.
        origin: the command, and how the configuration differs from its base; None if unknown.

    Returns:
        The finished run, and whether it was complete before.

    Raises:
        UserError: invalid configuration, data or run name; nothing was written.
        KitError: members failed; the others are stored.
        InterruptedRunError: Ctrl-C; finished members are stored, unfinished ones up to their checkpoint.
    """
    if name is not None:
        _check_run_name(name)
    stem = plain_name(config_name)
    listener.stage("looking for the data")
    dataset = load(config, listener.stage)
    config = kept_columns(config, dataset.task)
    listener.stage("planning the run")
    folds, numerics = folds_by_seed(dataset, config.folds, config.seeds), resolve_numerics(config)
    launcher = launcher or LocalLauncher()
    check_together(config.together, launcher)
    for note in slow_networks(config, numerics.backend):
        listener.say(f"{note}; {FASTER}")
    record = new_record(config, config_name, dataset, numerics)
    run = Run(RUNS / (name or f"{stem}-{record.hash[:8]}"))
    with run.locked(listener.say):
        if fresh:
            run.clear()
        members = plan(config)
        if run.exists():
            listener.stage("verifying what the run has")
        existing = keep(run, record, members, folds, seeds=config.seeds, say=listener.say)
        before = existing.record
        if name is None and before is None:
            mention_unfinished(record, run, listener.say)
        missing = [member for member in members if member not in existing.members]
        # Fold by fold, so that every model is trained early: the remaining time follows from their speeds.
        missing.sort(key=lambda member: (config.seeds.index(member.seed), member.fold))
        store = CheckpointStore(run, checkpoint, listener.say)
        store.delete([member for member in members if member not in missing])
        if before and not missing and existing.has_results and _is_complete(run, before, record):
            return run, True
        spent = before.wall_seconds if before else 0.0
        record = record.model_copy(
            update={
                "name": run.name,
                "wall_seconds": spent,
                "origin": origin or Origin(),
                "cluster": before.cluster if before else None,
            }
        )
        todo = store.continued(make_jobs(missing, config, numerics, folds, dataset, together=config.together))
        data = DataFolder.of(dataset)
        devices, most = devices_for(launcher, numerics.backend, jobs, todo)
        pool = partial(
            WorkerPool,
            launcher,
            devices,
            data,
            on_progress=lambda _, event: listener.progressed(event),
            on_retry=listener.retried,
            on_checkpoint=store.write,
            reseed=True,
            most=most,
        )
        try:
            with track_status(run, record) as tracked:
                run.start_sums()
                run.write_folds(folds)
                times = expected(todo, all_runs()) if todo else []
                # In a program, a member takes as long as all of them.
                times = [one.times(job.together) for job, one in zip(todo, times, strict=True)]
                listener.begun(
                    run,
                    dataset,
                    todo,
                    len(members) - len(todo),
                    expected=times,
                    workers=len(devices) * config.together,
                )
                train(todo, pool, listener, tracked)
                data.check()
                finish(run, config, dataset, folds, tracked.record, stage=listener.stage)
        except KeyboardInterrupt:
            mark_interrupted(run)
            raise InterruptedRunError(interrupted_text(run, members)) from None
    return run, False


def _check_run_name(name: str) -> None:
    # A path could point outside runs/, and --fresh deletes.
    check_name(name, "--run")
    if name == COMPARISONS:
        raise UserError("`kit compare` writes to this folder", where="--run", received=name)
    if name.startswith(PREFIX):
        raise UserError("folders of studies begin like this", where="--run", received=name)


def train(
    jobs: Sequence[Job], pool: Callable[[], WorkerPool], listener: ProgressListener, tracked: OpenRecord
) -> None:
    """Train and store members, teachers first; a member whose teachers failed is not trained.

    Raises:
        KitError: members failed; the others are stored.
    """
    failures, untaught = list[Failure](), 0
    for with_teachers in (False, True):
        chosen = [job for job in jobs if bool(job.teachers) == with_teachers]
        ready = [job for job in chosen if all(map(tracked.run.has, job.teachers))]
        untaught += len(chosen) - len(ready)
        part = [with_pseudo_labels(job, tracked.run.read_member) for job in ready]
        if part:
            failures += _train(part, pool(), listener, tracked)
    if failures:
        raise members_failed(failures, len(jobs), tracked.run, untaught=untaught)


def _train(
    jobs: Sequence[Job], pool: WorkerPool, listener: ProgressListener, tracked: OpenRecord
) -> list[Failure]:
    """Train and store members; return those that failed."""
    run, started, spent = tracked.run, time.monotonic(), tracked.record.wall_seconds
    failures, earlier = list[Failure](), tracked.record.cluster
    with pool.train(jobs) as outcomes:
        for job, outcome in outcomes:
            tracked.check_folder()
            if isinstance(outcome, MemberResult):
                history = outcome.history.model_copy(update={"hash": tracked.record.hash})
                run.write_member(job.member, replace(outcome, history=history))
            else:
                failures.append((job.member, outcome))
                if isinstance(outcome, WorkerFailedError) and outcome.log:
                    run.write_log(job.member, outcome.log)
            cluster = pool.launcher.cluster()
            tracked.update(
                wall_seconds=spent + time.monotonic() - started,
                cluster=cluster.after(earlier) if cluster else earlier,
            )
            listener.ended(job, outcome)
    return failures


def finish(
    run: Run,
    config: Config,
    dataset: Dataset,
    folds: NDArray[np.int8],
    record: RunRecord,
    *,
    stage: Callable[[str], None],
) -> None:
    """Combine the members of a run, and write its results and images.

    Args:
        run: where the members are stored.
        config: the resolved configuration.
        dataset: what they were trained on.
        folds: (seeds, rows) int8, the fold that holds the row out.
        record: run.json.
        stage: receives what is done, as in "combining the members".

    Raises:
        KitError: members do not fit together.
    """
    labels, task, ids = np.asarray(dataset.train_labels), dataset.task, dataset.test_ids
    stage("combining the members")
    done = combine_members(run, config, folds, labels)
    stage("computing the figures of the report")
    report = report_of(
        record.model_copy(update={"finished": now()}),
        config,
        done,
        labels=labels,
        names=task.labels.labels,
        folds=folds,
        ids=ids,
        train_names=dataset.train_names,
        warnings=dataset.warnings,
    )
    stage("writing oof.csv and submission.csv")
    write_results(
        run,
        record,
        config,
        done,
        report,
        labels=labels,
        task=task,
        ids=ids,
        train_names=dataset.train_names,
    )
    stage("choosing the images of the page")
    run.write_images(images_of(report, dataset))


def _is_complete(run: Run, before: RunRecord, record: RunRecord) -> bool:
    same = (before.config, before.test_ids) == (record.config, record.test_ids)
    return same and before.status == "complete" and run.has_results()
