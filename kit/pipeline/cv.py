"""`kit cv`: from a configuration to a run with its members, blend, submission and report."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.data.dataset import Dataset, load
from kit.data.folds import make_folds
from kit.ensembling.calibration import calibrate
from kit.ensembling.columns import Column, assemble
from kit.ensembling.methods import Ensemble, blend
from kit.errors import InterruptedRunError, KitError
from kit.members import Member, MemberResult
from kit.pipeline import record
from kit.reports.run.figures import summarise
from kit.runs import RUNS, Run, all_runs, check_name, plain_name
from kit.task.submission import check_submission, write_submission
from kit.training.estimate import estimate
from kit.training.failures import WorkerFailedError
from kit.training.job import Job
from kit.training.launch.base import DataFolder, Launcher, Progress
from kit.training.launch.devices import assign
from kit.training.launch.local import LocalLauncher
from kit.training.launch.pool import WorkerPool
from kit.training.plan import make_jobs, plan, resolve_numerics, with_pseudo_labels


class ProgressListener(Protocol):
    """Who wants to see a run go on; `progressed` and `retried` come from other threads."""

    def begun(
        self, run: Run, dataset: Dataset, jobs: Sequence[Job], kept: int, seconds: float | None
    ) -> None:
        """Training starts: `jobs` are to be trained in about `seconds`, `kept` members are there already."""

    def progressed(self, progress: Progress) -> None:
        """An epoch of a member is over."""

    def retried(self, job: Job, reason: str) -> None:
        """A lost worker is started again."""

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
    launcher: Launcher | None = None,
) -> tuple[Run, bool]:
    """Train what is missing of a run, blend, and report.

    Args:
        config: the resolved configuration.
        config_name: gives the run its name, with the hash.
        listener: is told how it goes.
        name: of the run, in place of that.
        jobs: workers at once; None: one per GPU that can be used, else one per CPU core.
        fresh: throw away what the run already has.
        launcher: starts the workers; None: on this machine.

    Returns:
        The finished run, and whether it was complete already, so that nothing was done.

    Raises:
        UserError: configuration, data or run name are wrong; nothing was written.
        KitError: members failed; the others are stored.
        InterruptedRunError: Ctrl-C; finished members are stored.
    """
    if name is not None:
        # A path could lead out of runs/, where --fresh throws away.
        check_name(name, "--run")
    stem = plain_name(config_name)
    dataset = load(config)
    if dataset.sample_submission:
        check_submission(dataset.sample_submission, config.competition, ids=dataset.ids(config.competition))
    folds, chosen = folds_by_seed(dataset, config), resolve_numerics(config)
    info = record.new_record(config, config_name, dataset, chosen)
    run = Run(RUNS / (name or f"{stem}-{info['hash'][:8]}"))
    with run.locked():
        if fresh:
            run.clear()
        before = run.info() if run.exists() else {}
        if before:
            record.check_same_settings(run, before, info)
        members = plan(config)
        # Without a record nobody knows what members were trained on.
        missing = [member for member in members if not (before and run.has(member))]
        if not missing and _is_complete(run, before, info):
            return run, True
        info |= {"name": run.name, "wall_seconds": before.get("wall_seconds", 0.0)}
        todo = make_jobs(missing, config, chosen, folds, dataset)
        launcher = launcher or LocalLauncher()
        devices = launcher.devices(chosen.backend)
        devices = assign(devices, max(1, min(jobs or len(devices), len(todo))))
        pool = partial(
            WorkerPool,
            launcher,
            devices,
            DataFolder.of(dataset),
            on_progress=listener.progressed,
            on_retry=listener.retried,
        )
        try:
            with record.track_status(run, info):
                run.write_folds(folds)
                seconds = estimate(todo, len(devices), all_runs())
                listener.begun(run, dataset, todo, len(members) - len(todo), seconds)
                train(run, todo, pool, listener, info)
                finish(run, config, dataset, folds, info)
        except KeyboardInterrupt:
            stored = sum(run.has(member) for member in members)
            kept = f"{stored} of {len(members)} members are stored"
            raise InterruptedRunError(f"interrupted; {kept}; rerun the same command to resume") from None
    return run, False


def folds_by_seed(dataset: Dataset, config: Config) -> NDArray[np.int8]:
    """Return (seeds, rows) int8: the fold that holds each row out.

    Every seed has the same folds, unless they are reshuffled.
    """
    shuffles = [config.folds.seed + (seed if config.folds.reshuffle else 0) for seed in config.seeds]
    made = {
        shuffle: make_folds(dataset.train_images, dataset.train_labels, config.folds.count, shuffle)
        for shuffle in set(shuffles)
    }
    return np.stack([made[shuffle] for shuffle in shuffles])


def train(
    run: Run,
    jobs: Sequence[Job],
    pool: Callable[[], WorkerPool],
    listener: ProgressListener,
    info: dict[str, Any],
) -> None:
    """Train and store members, teachers before those that learn from them.

    Raises:
        KitError: members failed, with the reason of the first; the others are stored.
    """
    for taught in (False, True):
        part = [with_pseudo_labels(job, run.read_member) for job in jobs if bool(job.teachers) == taught]
        if part:
            _train(run, part, pool(), listener, info)


def _train(
    run: Run, jobs: Sequence[Job], pool: WorkerPool, listener: ProgressListener, info: dict[str, Any]
) -> None:
    """Train and store members one by one, and keep the time in the run's record.

    Raises:
        KitError: members failed, with the reason of the first; the others are stored.
    """
    started, spent = time.monotonic(), info["wall_seconds"]
    failures: list[tuple[Job, KitError]] = []
    with pool.train(jobs) as outcomes:
        for job, outcome in outcomes:
            if isinstance(outcome, MemberResult):
                run.write_member(job.member, outcome)
            else:
                failures.append((job, outcome))
                if isinstance(outcome, WorkerFailedError) and outcome.log:
                    run.write_log(job.member, outcome.log)
            info["wall_seconds"] = spent + time.monotonic() - started
            run.write_info(info)
            listener.ended(job, outcome)
    if failures:
        job, error = failures[0]
        log = run.log_path(job.member)
        advice = f"{f'see {log}; ' if log.exists() else ''}the same command trains what is missing"
        raise KitError(
            f"{len(failures)} of {len(jobs)} members failed; {error.what}",
            hint="\n".join(line for line in (error.hint, advice) if line),
        )


def finish(run: Run, config: Config, dataset: Dataset, folds: NDArray[np.int8], info: dict[str, Any]) -> None:
    """Ensemble the members of a run, and write its out-of-fold table, submission and report.

    Raises:
        KitError: members do not fit together.
    """
    labels, ids = np.asarray(dataset.train_labels), dataset.ids(config.competition)
    plain = {member: run.read_member(member) for member in plan(config)}
    columns, combined = _blended(plain, config, folds, labels)
    members, tta = plain, None
    if any(result.test_probs_tta is not None for result in plain.values()):
        views = {member: result.with_views() for member, result in plain.items()}
        of_views = _blended(views, config, folds, labels)
        tta = combined, of_views[1]
        if config.blend.tta:
            members, (columns, combined) = views, of_views
    run.write_oof(labels, combined.oof)
    write_submission(run.submission_path, ids, combined.test.argmax(axis=1), config.competition)
    check_submission(run.submission_path, config.competition, ids=ids)
    weights = {str(column): weight for column, weight in zip(columns, combined.weights, strict=True)}
    powers = {str(column): column.power for column in columns}
    run.write_ensemble({**config.blend.model_dump(), "weights": weights, "powers": powers})
    run.write_report(
        summarise(
            info,
            config,
            labels=labels,
            columns=columns,
            blend=combined,
            members=members,
            tta=tta,
            warnings=dataset.warnings,
        )
    )


def _blended(
    members: Mapping[Member, MemberResult],
    config: Config,
    folds: NDArray[np.int8],
    labels: NDArray[np.integer],
) -> tuple[list[Column], Ensemble]:
    columns = assemble(members, folds, config.seeds)
    if config.blend.calibrate:
        held_out = dict(zip(config.seeds, folds, strict=True))
        columns = [calibrate(column, labels, held_out[column.seed]) for column in columns]
    return columns, blend(columns, config.blend.method)


def _is_complete(run: Run, before: dict[str, Any], info: dict[str, Any]) -> bool:
    same = before["config"] == info["config"]
    return same and before["status"] == "complete" and run.has_results()
