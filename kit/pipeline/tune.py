"""`kit tune`: search for a better configuration, confirm it, write it and report."""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from kit.config import Config, Source
from kit.data.dataset import Dataset
from kit.data.folds import folds_by_seed
from kit.data.source import load as load_data
from kit.errors import UserError
from kit.masking import masked
from kit.metrics import METRICS, Metric
from kit.names import check_name, plain_name
from kit.records import Confirmation, StudyOrigin, StudyReport
from kit.reports.study.figures import summarise_study
from kit.reports.study.page import write_page
from kit.studies import StudyFolder
from kit.training.launch.base import Device, Launcher
from kit.training.launch.devices import assign
from kit.training.launch.local import LocalLauncher
from kit.training.plan import Numerics, resolve_numerics
from kit.tuning import search as searching
from kit.tuning.confirm import budget, confirmation
from kit.tuning.confirm.tuned import check_target, write_tuned
from kit.tuning.failures import storage_failures
from kit.tuning.fidelity import search_folds
from kit.tuning.space import Space, make_space
from kit.tuning.storage import STUDY_VERSION, storage_url
from kit.tuning.study import SharedStudy
from kit.tuning.trial import Objective
from kit.tuning.warm_start import WarmStart, read_warm_start

SAMPLE_SECONDS = 240.0
"""Default time limit on the bundled sample: enough for a demonstration."""


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
        jobs: parallel trials, at first.
        most: parallel trials, at most, if machines join meanwhile; None: no limit.
        command: the command line that makes the same request.
        backend: Keras's; None if no network is tuned.
        warm_start: what a new study takes from an earlier one.
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
    warm_start: WarmStart | None = None
    most: int | None = None

    @property
    def metric(self) -> Metric:
        """The metric that decides."""
        return METRICS[self.source.config.tune.metric]

    @property
    def score(self) -> Metric:
        """The competition's metric."""
        return METRICS[self.source.config.competition.metric]


class ProgressListener(
    searching.ProgressListener, confirmation.ProgressListener, budget.ProgressListener, Protocol
):
    """Receives progress events of a study; some come from other threads."""

    def stage(self, text: str) -> None:
        """The command itself does something that may take seconds, as in "reading data/train.csv"."""

    def study_started(self, request: TuneRequest, dataset: Dataset, known: int) -> None:
        """The search starts; `known` trials of the study have started before."""


def tune(
    config_name: str,
    changes: Sequence[str],
    listener: ProgressListener,
    *,
    trials: int | None = None,
    seconds: float | None = None,
    name: str | None = None,
    storage: str | None = None,
    warm_start: str | None = None,
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
        warm_start: name of an earlier study, whose best trials are trained again first.
        jobs: parallel trials; None: one per core, or one per GPU.
        command: what the user typed, for the header of the new configuration.
        launcher: starts the workers; None: on this machine.

    Returns:
        The report, and the path of its page.

    Raises:
        UserError: configuration, space, data, name, storage or earlier study are not valid; nothing was
            written.
        KitError: the storage failed; the next call resumes.
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
    folder = StudyFolder.named(name).path
    check_target(name, source)
    earlier = None
    if warm_start is not None:
        earlier = read_warm_start(
            warm_start, own=StudyFolder(folder), storage=storage, space=space, made_of=made_of
        )
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
        warm_start=earlier,
        most=jobs,
    )
    shared = SharedStudy.open(name, request.url, folder, config.tune, space, made_of, earlier)
    with StudyFolder(folder).in_use(), storage_failures(request.url):
        report = _run(shared, request, dataset, launcher, devices, listener=listener, started=started)
    return report, StudyFolder(folder).page_path


def _run(
    shared: SharedStudy,
    request: TuneRequest,
    dataset: Dataset,
    launcher: Launcher,
    devices: Sequence[Device],
    *,
    listener: ProgressListener,
    started: float,
) -> StudyReport:
    """Search and confirm; write the report, its page, and study.json at the start and at the end."""
    source, files = request.source, StudyFolder(request.folder)
    origin = _origin(request, files, sample=dataset.sample)
    files.write_origin(origin)
    listener.study_started(request, dataset, shared.started_count())
    time_of_call = budget.Budget(
        shared.study,
        source.config,
        request.space,
        request.jobs,
        started=started,
        seconds=request.seconds,
        listener=listener,
    )
    folds = folds_by_seed(dataset, search_folds(source.config), source.config.seeds[:1])[0]
    last = searching.search(
        shared,
        Objective(source, request.space, dataset, folds),
        trials=request.trials,
        stop_at=time_of_call.search_ends,
        launcher=launcher,
        devices=devices,
        listener=listener,
        most=request.most,
    )
    confirmed = None
    if last:
        # Machines may have joined or left during the search.
        devices = launcher.devices(request.backend) if devices[0].kind == "remote" else devices
        devices = devices[: request.most]
        confirmed = _confirm(
            shared,
            request,
            dataset,
            launcher,
            devices,
            listener=listener,
            deadline=time_of_call.deadline,
        )
    listener.stage("drawing the report of the study")
    report = summarise_study(shared.study, confirmed, origin, "complete" if confirmed else "running")
    files.write_report(report)
    write_page(files.page_path, shared.study, report)
    if confirmed:
        origin = origin.model_copy(update={"confirmation": confirmed})
    if (cluster := launcher.cluster()) is not None:
        origin = origin.model_copy(update={"cluster": cluster.after(origin.cluster)})
    files.write_origin(origin.model_copy(update={"status": "complete"}))
    return report


def _origin(request: TuneRequest, files: StudyFolder, *, sample: bool) -> StudyOrigin:
    """Return the record of a call that starts now."""
    started, confirmed, cluster = datetime.now(UTC).isoformat(timespec="seconds"), None, None
    with suppress(UserError):
        before = files.read_origin()
        started, confirmed, cluster = before.started or started, before.confirmation, before.cluster
    return StudyOrigin(
        status="running",
        study=request.name,
        config=request.source.name,
        storage=masked(request.url),
        command=masked(request.command),
        started=started,
        limit_seconds=request.seconds,
        sample=sample,
        metric=request.metric.name,
        score=request.score.name,
        confirmation=confirmed,
        cluster=cluster,
    )


def _confirm(
    shared: SharedStudy,
    request: TuneRequest,
    dataset: Dataset,
    launcher: Launcher,
    devices: Sequence[Device],
    *,
    listener: ProgressListener,
    deadline: float | None,
) -> Confirmation | None:
    """Return the confirmation; None if another process, here or on another machine, is working on it."""
    with shared.lock.confirming(request.folder / "confirm.lock") as alone:
        if not alone:
            return None
        confirmed = confirmation.confirm(
            shared.study,
            request.source,
            request.space,
            dataset=dataset,
            launcher=launcher,
            devices=devices,
            deadline=deadline,
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
        # A prior decides which trials are drawn, not what their losses are.
        one.key: one.dimension.model_dump(mode="json", exclude={"prior"})
        | {"when": {key: list(values) for key, values in one.when.items()}}
        for one in space.parameters
    }
    cheaper = {
        # Studies of earlier versions, whose trials used everything, lack these keys.
        "rows of a trial": config.tune.rows and str(config.tune.rows),
        "epochs of a trial": config.tune.epoch_share < 1 and f"{config.tune.epoch_share:g}",
        "folds of the search": search_folds(config).count != config.folds.count
        and str(search_folds(config).count),
    }
    return {key: text for key, text in cheaper.items() if text} | {
        "version": STUDY_VERSION,
        "configuration": config.digest(**numerics.hash_fields())[:16],
        "data": dataset.fingerprint[:16],
        "folds of a trial": str(min(config.tune.folds, search_folds(config).count)),
        "seed of a trial": str(config.seeds[0]),
        "metric": config.tune.metric,
        "space": json.dumps(dimensions, sort_keys=True),
    }


def _digest(made_of: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:8]
