"""`kit tune`: search for a better configuration, confirm it, write it and report."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kit import locks
from kit.config import Config, Source
from kit.data.dataset import Dataset
from kit.data.folds import folds_by_seed
from kit.data.source import load as load_data
from kit.files import write_json
from kit.metrics import METRICS, Metric
from kit.names import check_name, plain_name
from kit.records import Confirmation, StudyReport
from kit.reports.study.figures import summarise_study
from kit.reports.study.page import write_page
from kit.run_folder import RUNS
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
from kit.tuning.trial import Objective

SAMPLE_SECONDS = 240.0
"""Default time limit on the bundled sample: enough for a demonstration."""
RESERVE, RESERVE_FOR_FOLDS, LONGEST_RESERVE = 0.25, 0.45, 0.6
"""Shares of the time reserved for the confirmation: minimum; maximum for ENOUGH_REPLICATES; maximum."""
ENOUGH_REPLICATES = 5
"""Replicates (one seed and one fold each) that detect a gain of a tenth of the loss in 83 of 100 studies;
3 detect it in 27. Simulated with a noise of 3 % per replicate, corrected for three candidates."""


STUDY_VERSION = "2"
"""Changes when a study of the previous version cannot be resumed."""


@dataclass(frozen=True)
class TuneRequest:
    """One call of `kit tune`.

    Attributes:
        name: of the study.
        url: of its storage.
        folder: of its report and, by default, of its storage.
        source: the configuration that is tuned.
        space: the search space.
        trials: of the study, over all calls; None: as many as time allows.
        seconds: time of the call; None: no limit.
        jobs: parallel trials.
        command: the command line that makes the same request.
        backend: Keras's; None if no network is tuned.
    """

    name: str
    url: str
    folder: Path
    source: Source
    space: Space
    trials: int | None
    seconds: float | None
    jobs: int
    command: str
    backend: str | None

    @property
    def metric(self) -> Metric:
        """The metric that decides."""
        return METRICS[self.source.config.tune.metric]

    @property
    def score(self) -> Metric:
        """The competition's metric."""
        return METRICS[self.source.config.competition.metric]


class ProgressListener(searching.ProgressListener, confirmation.ProgressListener, Protocol):
    """Receives progress events of a study; some come from other threads."""

    def stage(self, text: str) -> None:
        """The command itself does something that may take seconds, as in "reading data/train.csv"."""

    def study_started(self, request: TuneRequest, dataset: Dataset, known: int) -> None:
        """The search starts; the study has `known` trials."""


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
) -> tuple[StudyReport, Path]:
    """Search for a better configuration, confirm it, and write it to configs/tuned-<study>.yaml.

    Args:
        config_name: the configuration to improve.
        changes: applied to it ("a.b=c").
        listener: receives progress events.
        trials: of the study, over all calls; None: the configuration's `tune.trials`.
        seconds: time limit of this call; None: no limit if `trials` is given, else `tune.minutes`.
        name: of the study; None: CONFIG-HASH.
        storage: an Optuna storage URL; None: SQLite in the study's folder under runs/.
        jobs: parallel trials; None: one per core, or one per GPU.
        command: what the user typed, for the header of the new configuration.
        launcher: starts the workers; None: on this machine.

    Returns:
        The report, and the path of its page.

    Raises:
        UserError: configuration, space, data, name or storage are not valid; nothing was written.
        InterruptedRunError: Ctrl-C; the next call resumes.
    """
    started = time.monotonic()
    if name is not None:
        # A path could lead out of runs/.
        check_name(name, "--study")
    source = Source.read(config_name, changes)
    config, space = source.config, make_space(source)
    listener.stage("looking for the data")
    dataset, numerics = load_data(config, listener.stage), resolve_numerics(config)
    listener.stage("opening the study")
    made_of = _made_of(config, space, dataset, numerics)
    name = name or f"{plain_name(source.layers[0].path.stem)}-{_digest(made_of)}"
    folder = RUNS / f"tune-{name}"
    check_target(name, source)
    if seconds is None and trials is None:
        seconds = min(config.tune.minutes * 60, SAMPLE_SECONDS if dataset.sample else float("inf"))
    launcher = launcher or LocalLauncher()
    devices = launcher.devices(numerics.backend)
    devices = assign(devices, jobs or len(devices))
    request = TuneRequest(
        name=name,
        url=storage_url(folder, storage),
        folder=folder,
        source=source,
        space=space,
        trials=trials or config.tune.trials,
        seconds=seconds,
        jobs=len(devices),
        command=command,
        backend=numerics.backend,
    )
    folds = folds_by_seed(dataset, config.folds, config.seeds[:1])[0]
    shared = SharedStudy.open(name, request.url, folder, config.tune, space, made_of)
    listener.study_started(request, dataset, shared.trial_count())
    last = searching.search(
        shared,
        Objective(source, space, dataset, folds),
        trials=request.trials,
        stop_at=lambda: started + _search_seconds(shared, request),
        launcher=launcher,
        devices=devices,
        listener=listener,
    )
    confirmed = None
    if last:
        confirmed = _confirm(shared, request, dataset, launcher, devices, listener=listener, started=started)
    listener.stage("drawing the report of the study")
    report = summarise_study(
        shared.study,
        confirmed,
        metric=request.metric,
        score=request.score,
        name=name,
        storage=request.url,
        config_name=config_name,
        command=command,
        sample=dataset.sample,
    )
    write_json(folder / "report.json", report.model_dump(mode="json"))
    page = folder / "report.html"
    write_page(page, shared.study, report)
    return report, page


def _search_seconds(shared: SharedStudy, request: TuneRequest) -> float:
    """Return the seconds of the call for the search: all but a reserve for the confirmation."""
    if request.seconds is None:
        return float("inf")
    least = (
        confirmation.needed_seconds(shared.study, request.source.config, request.space, request.jobs) or 0.0
    )
    if not confirmation.candidates(shared.study, request.space):
        # No candidate yet: keep searching while a candidate found now could still be confirmed.
        return request.seconds - min(RESERVE * request.seconds, least * 2 / (1 + CANDIDATES))
    good = least * ENOUGH_REPLICATES / request.source.config.tune.confirm_seeds
    reserve = max(RESERVE * request.seconds, least, min(good, RESERVE_FOR_FOLDS * request.seconds))
    # Too little time for a confirmation: the search gets all of it, and the report says what is missing.
    return request.seconds - (reserve if reserve <= LONGEST_RESERVE * request.seconds else 0.0)


def _confirm(
    shared: SharedStudy,
    request: TuneRequest,
    dataset: Dataset,
    launcher: Launcher,
    devices: Sequence[Device],
    *,
    listener: ProgressListener,
    started: float,
) -> Confirmation | None:
    """Return the confirmation; None if another process is working on it."""
    with locks.locked(request.folder / "confirm.lock", wait=False) as alone:
        if not alone:
            return None
        confirmed = confirmation.confirm(
            shared.study,
            request.source,
            request.space,
            dataset=dataset,
            launcher=launcher,
            devices=devices,
            deadline=None if request.seconds is None else started + request.seconds,
            listener=listener,
        )
        if confirmed.winner is not None:
            path = write_tuned(
                shared.study,
                confirmed,
                request.name,
                source=request.source,
                space=request.space,
                command=request.command,
            )
            confirmed = confirmed.model_copy(update={"config_path": str(path)})
        return confirmed


def _made_of(config: Config, space: Space, dataset: Dataset, numerics: Numerics) -> dict[str, str]:
    """Return the settings that the loss of a trial depends on; a study is joined only if they are equal."""
    dimensions = {
        one.key: one.dimension.model_dump(mode="json")
        | {"when": {key: list(values) for key, values in one.when.items()}}
        for one in space.parameters
    }
    return {
        "version": STUDY_VERSION,
        "configuration": config.digest(**numerics.hash_fields())[:16],
        "data": dataset.fingerprint[:16],
        "folds of a trial": str(min(config.tune.folds, config.folds.count)),
        "seed of a trial": str(config.seeds[0]),
        "metric": config.tune.metric,
        "space": json.dumps(dimensions, sort_keys=True),
    }


def _digest(made_of: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:8]
