"""The stages in order: what each command does, a function each."""

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kit.blending.columns import assemble
from kit.blending.methods import blend
from kit.competition.submission import check_submission, write_submission
from kit.config import Config
from kit.data.dataset import Dataset, load
from kit.data.folds import make_folds
from kit.errors import InterruptedRunError, KitError, UserError
from kit.reports.summary import summarise
from kit.store import RUNS, Member, MemberResult, Run
from kit.training import machine
from kit.training.executor import Crew
from kit.training.job import Job
from kit.training.plan import Setting, make_jobs, plan, setting
from kit.training.subprocesses import Progress


class Watcher(Protocol):
    """Who wants to see a run go on; `progressed` and `retried` come from other threads."""

    def begun(self, run: Run, dataset: Dataset, jobs: Sequence[Job], kept: int) -> None:
        """Training starts: `jobs` are to be trained, `kept` members are there already."""

    def progressed(self, progress: Progress) -> None:
        """An epoch of a member is over."""

    def retried(self, job: Job, reason: str) -> None:
        """A lost worker is started again."""

    def ended(self, job: Job, outcome: MemberResult | KitError) -> None:
        """A member is trained and stored, or has failed."""


def cv(
    config: Config,
    config_name: str,
    watcher: Watcher,
    *,
    name: str | None = None,
    jobs: int | None = None,
    fresh: bool = False,
) -> tuple[Run, bool]:
    """Train what is missing of a run, blend, and report.

    Args:
        config: the resolved configuration.
        config_name: gives the run its name, with the hash.
        watcher: is told how it goes.
        name: of the run, in place of that.
        jobs: workers at once; None: what the machine is made for.
        fresh: throw away what the run already has.

    Returns:
        The finished run, and whether it was complete already, so that nothing was done.

    Raises:
        UserError: configuration, data or run name are wrong; nothing was written.
        KitError: members failed; the others are stored.
        InterruptedRunError: Ctrl-C; finished members are stored.
    """
    dataset = load(config)
    ids = dataset.ids(config.competition)
    if dataset.sample_submission is not None and dataset.sample_submission.suffix == ".csv":
        check_submission(dataset.sample_submission, config.competition, ids=ids)
    folds = all_folds(dataset, config)
    chosen = setting(config)
    digest = config.digest(fingerprint=dataset.fingerprint, **chosen.decides())
    run = Run(RUNS / (name or f"{config_name}-{digest[:8]}"))
    with run.locked():
        if fresh:
            run.clear()
        before = run.info() if run.exists() else {}
        if before:
            refuse_other(run, before, config, digest)
        members = plan(config)
        missing = [member for member in members if not run.has(member)]
        if (
            not missing
            and before.get("status") == "complete"
            and before["config"] == config.model_dump(mode="json")
        ):
            return run, True
        info = _info(run, config, config_name, dataset, chosen, digest, before)
        run.write_info(info)
        run.write_folds(folds)
        todo = make_jobs(missing, config, chosen, folds, dataset.folder)
        watcher.begun(run, dataset, todo, len(members) - len(todo))
        _train(run, todo, watcher, jobs, info)
        finish(run, config, dataset, folds, info)
    return run, False


def all_folds(dataset: Dataset, config: Config) -> NDArray[np.int8]:
    """Return (seeds, rows) int8: the fold that holds each row out, the same for every seed unless reshuffled."""
    shuffles = [config.folds.seed + (seed if config.folds.reshuffle else 0) for seed in config.seeds]
    made = {
        shuffle: make_folds(dataset.train_images, dataset.train_labels, config.folds.count, shuffle)
        for shuffle in set(shuffles)
    }
    return np.stack([made[shuffle] for shuffle in shuffles])


def finish(run: Run, config: Config, dataset: Dataset, folds: NDArray[np.int8], info: dict[str, Any]) -> None:
    """Blend the members of a run, and write its out-of-fold table, submission and report."""
    members: dict[Member, MemberResult] = {member: run.read_member(member) for member in plan(config)}
    columns = assemble(members, folds, config.seeds)
    blended = blend(columns, config.blend.method)
    labels, ids = np.asarray(dataset.train_labels), dataset.ids(config.competition)
    run.write_oof(labels, blended.oof)
    write_submission(run.submission_path, ids, blended.test.argmax(axis=1), config.competition)
    check_submission(run.submission_path, config.competition, ids=ids)
    weights = {str(column): weight for column, weight in zip(columns, blended.weights, strict=True)}
    run.write_blend({"method": config.blend.method, "weights": weights})
    run.write_report(
        summarise(
            info,
            config,
            labels=labels,
            columns=columns,
            blend=blended,
            members=members,
            warnings=dataset.warnings,
        )
    )
    run.write_info(info | {"status": "complete", "finished": _now()})


def refuse_other(run: Run, before: dict[str, Any], config: Config, digest: str) -> None:
    """Check that a run in the way was made by the same data and configuration.

    Raises:
        UserError: it was not; the message names what differs.
    """
    if before["hash"] == digest:
        return
    old, new = (
        _flat({key: part[key] for key in ("folds", "models", "competition")})
        for part in (before["config"], config.model_dump(mode="json"))
    )
    differs = [key for key in sorted(old | new) if old.get(key) != new.get(key)]
    shown = "; ".join(f"{key}: {old.get(key)} there, {new.get(key)} now" for key in differs[:3])
    raise UserError(
        f"this run was made otherwise ({shown or 'with other data, backend or precision'})",
        where=str(run.path),
        hint="choose another --run NAME, or --fresh to throw this one away",
    )


def _train(run: Run, todo: Sequence[Job], watcher: Watcher, jobs: int | None, info: dict[str, Any]) -> None:
    started, spent = time.monotonic(), info["wall_seconds"]
    on_gpu = machine.gpu() is not None and any(job.backend != "none" for job in todo)
    crew = Crew(
        max(1, min(jobs or (1 if on_gpu else machine.cores()), len(todo))),
        pinned=not on_gpu,
        on_progress=watcher.progressed,
        on_retry=watcher.retried,
    )
    failures: list[KitError] = []
    try:
        with closing(crew.train(todo)) as outcomes:
            for job, outcome in outcomes:
                if isinstance(outcome, KitError):
                    failures.append(outcome)
                else:
                    run.write_member(job.member, outcome)
                info["wall_seconds"] = spent + time.monotonic() - started
                watcher.ended(job, outcome)
        if failures:
            raise KitError(
                f"{len(failures)} of {len(todo)} members failed; {failures[0].what}",
                hint="the others are stored: the same command trains only what is missing",
            )
    except KeyboardInterrupt:
        run.write_info(info | {"status": "interrupted"})
        kept = sum(run.has(job.member) for job in todo)
        raise InterruptedRunError(
            f"interrupted; {kept} of {len(todo)} members are stored",
            hint="the same command goes on from there",
        ) from None
    except BaseException:
        run.write_info(info | {"status": "failed"})
        raise


def _info(
    run: Run,
    config: Config,
    config_name: str,
    dataset: Dataset,
    chosen: Setting,
    digest: str,
    before: dict[str, Any],
) -> dict[str, Any]:
    return {
        "name": run.name,
        "config_name": config_name,
        "config": config.model_dump(mode="json"),
        "hash": digest,
        "fingerprint": dataset.fingerprint,
        "sample": dataset.sample,
        "source": dataset.source,
        "rows": len(dataset.train_labels),
        "test_rows": len(dataset.test_images),
        "backend": chosen.backend,
        "precision": chosen.precisions,
        "versions": machine.versions(),
        "machine": machine.describe(),
        "status": "running",
        "started": _now(),
        "finished": None,
        "members_planned": len(plan(config)),
        "wall_seconds": before.get("wall_seconds", 0.0),
    }


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {
            inner: leaf
            for name, part in value.items()
            for inner, leaf in _flat(part, f"{key}.{name}" if key else name).items()
        }
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _flat({str(index): part for index, part in enumerate(value)}, key)
    return {key: value}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
