"""`kit tune`: from a configuration to a better one, if there is one."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kit import locks
from kit.config import Config, find, load
from kit.data.dataset import Dataset
from kit.data.dataset import load as load_data
from kit.data.folds import make_folds
from kit.files import write_json
from kit.reports.study.figures import summarise_study
from kit.reports.study.page import write_page
from kit.runs import RUNS, check_name, plain_name
from kit.training.launch.base import Device, Launcher
from kit.training.launch.devices import assign
from kit.training.launch.local import LocalLauncher
from kit.training.plan import Numerics, resolve_numerics
from kit.tuning import search as searching
from kit.tuning.confirm import confirmation
from kit.tuning.confirm.significance import CANDIDATES
from kit.tuning.confirm.tuned import check_target, write_tuned
from kit.tuning.space import Space, make_space
from kit.tuning.storage import storage_url
from kit.tuning.study import SharedStudy
from kit.tuning.trial import Objective, check_unchanged

SAMPLE_SECONDS = 240.0
"""Time of a call on the bundled sample, at most: enough to see how it goes."""
RESERVE, RESERVE_FOR_FOLDS, LONGEST_RESERVE = 0.25, 0.45, 0.6
"""Shares of the time reserved for the confirmation: minimum; maximum for ENOUGH_REPLICATES; maximum."""
ENOUGH_REPLICATES = 5
"""Replicates (one seed and one fold each) that find a gain of a tenth of the loss in 83 of 100 studies;
3 find it in 27. Simulated, with a noise of 3 % a replicate, corrected for three candidates."""


@dataclass(frozen=True)
class Call:
    """What a call of `kit tune` is going to do.

    Attributes:
        name: of the study.
        url: of its storage.
        folder: of its page and, by default, of its storage.
        config_name, changes: what is to be beaten, as `kit.config.load` takes it.
        config: the same, resolved.
        space: what is tried.
        trials: of the study, over all calls; None: as many as there is time for.
        seconds: time of the call; None: no limit.
        jobs: trials at once.
        command: the command line that makes the same call.
    """

    name: str
    url: str
    folder: Path
    config_name: str
    changes: tuple[str, ...]
    config: Config
    space: Space
    trials: int | None
    seconds: float | None
    jobs: int
    command: str


class ProgressListener(searching.ProgressListener, confirmation.ProgressListener, Protocol):
    """Who wants to see a study go on; all but `begun` may be called from other threads."""

    def begun(self, call: Call, dataset: Dataset, known: int) -> None:
        """The search starts; the study has `known` trials already."""


def tune(
    config_name: str,
    changes: Sequence[str],
    listener: ProgressListener,
    *,
    trials: int | None = None,
    seconds: float | None = None,
    name: str | None = None,
    storage: str | None = None,
    jobs: int | None = None,
    command: str = "kit tune",
    launcher: Launcher | None = None,
) -> tuple[dict[str, Any], Path]:
    """Search for a better configuration, confirm it, and write it to configs/tuned-<study>.yaml.

    Args:
        config_name: the configuration that is to be beaten.
        changes: laid on top of it ("a.b=c").
        listener: is told how it goes.
        trials: of the study, over all calls; None: the configuration's `tune.trials`.
        seconds: of this call; None: no limit where `trials` is given, else `tune.minutes`.
        name: of the study, in place of CONFIG-HASH.
        storage: an Optuna storage URL; None: SQLite in the study's folder under runs/.
        jobs: trials at once; None: one per GPU that can be used, else one per CPU core.
        command: what the user typed, for the header of the configuration that is written.
        launcher: starts the workers; None: on this machine.

    Returns:
        The report, and the path of its page.

    Raises:
        UserError: configuration, space, data, name or storage are wrong; nothing was written.
        InterruptedRunError: Ctrl-C; the next call goes on.
    """
    started = time.monotonic()
    if name is not None:
        # A path could lead out of runs/.
        check_name(name, "--study")
    config = load(config_name, changes)
    space = make_space(config_name, changes, config)
    dataset, chosen = load_data(config), resolve_numerics(config)
    made_of = _made_of(config, space, dataset, chosen)
    name = name or f"{plain_name(find(config_name).stem)}-{_digest(made_of)}"
    folder = RUNS / f"tune-{name}"
    check_target(name, config_name)
    if seconds is None and trials is None:
        seconds = min(config.tune.minutes * 60, SAMPLE_SECONDS if dataset.sample else float("inf"))
    launcher = launcher or LocalLauncher()
    devices = launcher.devices(chosen.backend)
    devices = assign(devices, jobs or len(devices))
    call = Call(
        name=name,
        url=storage_url(folder, storage),
        folder=folder,
        config_name=config_name,
        changes=tuple(changes),
        config=config,
        space=space,
        trials=trials or config.tune.trials,
        seconds=seconds,
        jobs=len(devices),
        command=command,
    )
    shared = SharedStudy.open(name, call.url, folder, config.tune, space, made_of)
    listener.begun(call, dataset, shared.used())
    last = searching.search(
        shared,
        Objective(config_name, changes, config, space, dataset, search_folds(dataset, config)),
        trials=call.trials,
        stop_at=lambda: started + _search_seconds(shared, call),
        launcher=launcher,
        devices=devices,
        listener=listener,
    )
    confirmed = None
    if last:
        confirmed = _confirm(shared, call, dataset, launcher, devices, listener=listener, started=started)
    report = summarise_study(
        shared.study,
        confirmed,
        name=name,
        storage=call.url,
        config_name=config_name,
        command=command,
        sample=dataset.sample,
    )
    write_json(folder / "report.json", report)
    page = folder / "report.html"
    write_page(page, shared.study, report)
    return report, page


def search_folds(dataset: Dataset, config: Config) -> NDArray[np.int8]:
    """Return (rows,) int8: the folds that trials are judged on, those of the configuration's first seed."""
    shuffle = config.folds.seed + (config.seeds[0] if config.folds.reshuffle else 0)
    return make_folds(dataset.train_images, dataset.train_labels, config.folds.count, shuffle)


def _search_seconds(shared: SharedStudy, call: Call) -> float:
    """Return how much of the time is the search's: all but what the confirmation needs."""
    if call.seconds is None:
        return float("inf")
    least = confirmation.needed_seconds(shared.study, call.config, call.space, call.jobs) or 0.0
    if not confirmation.candidates(shared.study, call.space):
        # Nothing to confirm yet: search on, as long as one that is found now could be confirmed.
        return call.seconds - min(RESERVE * call.seconds, least * 2 / (1 + CANDIDATES))
    good = least * ENOUGH_REPLICATES / call.config.tune.confirm_seeds
    reserve = max(RESERVE * call.seconds, least, min(good, RESERVE_FOR_FOLDS * call.seconds))
    # Too little time for a confirmation at all: the search may have it, and the report says what is missing.
    return call.seconds - (reserve if reserve <= LONGEST_RESERVE * call.seconds else 0.0)


def _confirm(
    shared: SharedStudy,
    call: Call,
    dataset: Dataset,
    launcher: Launcher,
    devices: Sequence[Device],
    *,
    listener: ProgressListener,
    started: float,
) -> dict[str, Any] | None:
    """Return the confirmation's figures; None where another process is at it."""
    with locks.locked(call.folder / "confirm.lock", wait=False) as alone:
        if not alone:
            return None
        check_unchanged(call.config_name, call.changes, call.config)
        confirmed = confirmation.confirm(
            shared.study,
            call.config_name,
            call.changes,
            call.config,
            call.space,
            dataset=dataset,
            launcher=launcher,
            devices=devices,
            deadline=None if call.seconds is None else started + call.seconds,
            listener=listener,
        )
        if confirmed["winner"] is not None:
            check_unchanged(call.config_name, call.changes, call.config)
            path = write_tuned(
                shared.study,
                confirmed,
                call.name,
                config_name=call.config_name,
                changes=call.changes,
                space=call.space,
                command=call.command,
            )
            confirmed["config_path"] = str(path)
        return confirmed


def _made_of(config: Config, space: Space, dataset: Dataset, chosen: Numerics) -> dict[str, str]:
    """Return what decides the value of a trial, so that only studies of the same are joined."""
    dimensions = {
        one.key: one.dimension.model_dump(mode="json")
        | {"when": {key: list(values) for key, values in one.when.items()}}
        for one in space.parameters
    }
    return {
        "configuration": config.digest(**chosen.hash_fields())[:16],
        "data": dataset.fingerprint[:16],
        "folds of a trial": str(min(config.tune.folds, config.folds.count)),
        "seed of a trial": str(config.seeds[0]),
        "space": json.dumps(dimensions, sort_keys=True),
    }


def _digest(made_of: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:8]
