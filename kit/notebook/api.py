"""Functions of `import kit`: what the commands do, with Python values and objects."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from kit import run_folder
from kit.config import find, load
from kit.config.root import Method
from kit.errors import UserError
from kit.interrupts import repeated
from kit.masking import masked
from kit.notebook import tables
from kit.notebook.arguments import duration, duration_or_zero, python_words, text, whole
from kit.notebook.changes import changes_of
from kit.notebook.comparison import Comparison
from kit.notebook.messages import say
from kit.notebook.progress import run_progress, study_progress
from kit.notebook.run import Run, folder_of
from kit.notebook.study import Study
from kit.pipeline.origin import origin_of
from kit.pipeline.report import current

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


@python_words
def cv(
    config: str | Path = "default",
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - the name of the option
    run: str | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    checkpoint: float = 30.0,
) -> Run:
    """Train a cross-validated ensemble, as `kit cv` does, and return the finished run.

    The same call resumes an interrupted run, and returns a complete one without training.

    Args:
        config: name of a configuration, or a YAML file.
        set: changes of it, as in {"training.epochs": 2}.
        run: name of the run; None: the configuration's name and a hash.
        jobs: parallel workers; None: one per core, or one per GPU.
        fresh: delete the existing run and retrain it.
        checkpoint: shortest time between two checkpoints of a network in training, in seconds; 0: after every
            epoch.

    Raises:
        UserError: the configuration, the data or the name is not valid; nothing was written.
        KitError: members failed; the others are stored.
        InterruptedRunError: the call was interrupted; finished members are stored, and unfinished ones up to
            their latest checkpoint.
    """
    from kit.pipeline.cv import cv as cross_validate

    config, changes = text("config", config), changes_of(set)
    run = None if run is None else text("run", run)
    jobs, checkpoint = whole("jobs", jobs), duration_or_zero("checkpoint", checkpoint)
    with repeated(), run_progress() as progress:
        folder, complete = cross_validate(
            load(config, changes),
            find(config).stem,
            progress,
            name=run,
            jobs=jobs,
            fresh=fresh,
            checkpoint=checkpoint,
            origin=origin_of(config, changes, run),
        )
    if complete:
        say(f"{folder.path} is complete; fresh=True retrains it")
    current(folder, say)
    return Run(folder)


@python_words
def tune(
    config: str | Path = "default",
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - the name of the option
    trials: int | None = None,
    seconds: float | None = None,
    study: str | None = None,
    storage: str | None = None,
    warm_start: str | None = None,
    jobs: int | None = None,
) -> Study:
    """Search for a better configuration and confirm it, as `kit tune` does, and return the study.

    The same call resumes the study.

    Args:
        config: name of a configuration, or a YAML file.
        set: changes of it, as in {"training.epochs": 2}.
        trials: of the study, over all calls; None: as many as time allows.
        seconds: time limit of this call, confirmation included; None: `tune.minutes` of the configuration,
            or no limit if `trials` is given.
        study: name of the study; None: the configuration's name and a hash.
        storage: an Optuna storage URL; None: in the study's folder under runs/.
        warm_start: name of an earlier study on the same data, whose best trials are trained first.
        jobs: parallel trials; None: one per core, or one per GPU.

    Raises:
        UserError: configuration, search space, data, name, storage or earlier study are not valid; nothing
            was written.
        InterruptedRunError: the call was interrupted; the next one resumes.
    """
    from kit.pipeline.tune import tune as search

    config, changes = text("config", config), changes_of(set)
    study = None if study is None else text("study", study)
    storage = None if storage is None else text("storage", storage)
    warm_start = None if warm_start is None else text("warm_start", warm_start)
    trials, seconds, jobs = whole("trials", trials), duration("seconds", seconds), whole("jobs", jobs)
    options = {
        "--trials": trials,
        "--timeout": seconds,
        "--study": study,
        "--storage": storage,
        "--warm-start": warm_start,
        "--jobs": jobs,
    }
    words = [word for change in changes for word in ("--set", change)]
    words += [word for name, value in options.items() if value is not None for word in (name, str(value))]
    with repeated(), study_progress() as progress:
        report, page = search(
            config,
            changes,
            progress,
            trials=trials,
            seconds=seconds,
            name=study,
            storage=storage,
            warm_start=warm_start,
            jobs=jobs,
            command=masked(shlex.join(["kit", "tune", "-c", config, *words])),
        )
    return Study(report, page)


def runs() -> pd.DataFrame:
    """Return one row per run in this folder, newest first; unknown values are missing.

    Columns: status, metric, score, low and high (95 % interval of the score), log_loss, errors, members,
    seconds, sample, started. The index is the name.
    """
    return tables.runs(run_folder.all_runs())


@python_words
def open_run(run: str | Path | Run | None = None) -> Run:
    """Return a finished run or ensemble.

    Args:
        run: its name, or the path of its folder; None: the newest finished run.

    Raises:
        UserError: there is no such run, or it is not finished.
    """
    return Run(_finished(folder_of(run)))


@python_words
def compare(*runs: str | Path | Run) -> Comparison:
    """Compare the OOF predictions of two or more finished runs on the same rows.

    Raises:
        UserError: fewer than two runs, an unfinished or damaged one, or runs on different data.
    """
    from kit.ensembling.sources import changed
    from kit.pipeline.compare import compare as compare_folders
    from kit.pipeline.compare import draw

    folders = [folder_of(one) for one in runs]
    result = compare_folders(folders)
    for folder in folders:
        for change in changed(folder.read_record()):
            say(f"warning: {folder.name}: {change}")
    return Comparison(result, draw(result, folders, say))


@python_words
def ensemble(
    runs: Iterable[str | Path | Run],
    method: str = "auto",
    *,
    name: str | None = None,
    tta: bool | None = None,
    calibrate: bool = False,
    fresh: bool = False,
) -> Run:
    """Combine the columns of finished runs into one ensemble, which is stored like a run.

    Args:
        runs: names, paths or runs.
        method: mean, geometric, rank, vote, weighted, greedy, stack, best; or auto: mean, unless another one
            is clearly better.
        name: of the ensemble; None: "ensemble-" and a hash.
        tta: use the mean over views; None: as each run does.
        calibrate: scale each column by a temperature that is fitted on its OOF predictions.
        fresh: replace an ensemble of this name.

    Raises:
        UserError: the runs cannot be combined, or the name is in use; nothing was written.
    """
    from kit.pipeline.ensemble import Settings
    from kit.pipeline.ensemble import ensemble as combine

    if method not in get_args(Method):
        raise UserError(
            "no such method",
            where="method",
            expected=f"one of {', '.join(get_args(Method))}",
            received=repr(method),
        )
    if isinstance(runs, str | Path | Run) or not isinstance(runs, Iterable):
        raise UserError(
            "not a list of runs", where="runs", expected='as in ["a", "b"]', received=type(runs).__name__
        )
    folders = [folder_of(one) for one in runs]
    if not folders:
        raise UserError("no runs to combine", where="runs", expected='as in ["a", "b"]', received="none")
    name = None if name is None else text("name", name)
    folder, complete = combine(folders, Settings(method, tta, calibrate), say, name=name, fresh=fresh)
    if complete:
        say(f"{folder.path} is complete; fresh=True combines again")
    current(folder, say)
    return Run(folder)


def _finished(folder: run_folder.Run) -> run_folder.Run:
    if not folder.is_finished():
        raise UserError(
            f"this run is not finished ({folder.status()})",
            where=str(folder.path),
            hint=folder.how_to_finish(),
        )
    return folder
