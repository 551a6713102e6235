"""`kit predict`: probabilities of new images by the networks of a run, combined as in the run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Config, validate
from kit.ensembling.rules import Probabilities
from kit.ensembling.sources import find_source, is_same, label_of
from kit.ensembling.stored import apply, used_columns
from kit.errors import UserError
from kit.members import Member
from kit.metrics import METRICS, most_probable
from kit.pipeline.new_images import NewImages, read_images, unlike_training
from kit.run_folder import Run
from kit.tables import Predictions, write_test
from kit.training.stored import StoredNetwork, predict_stored


def _ignore(text: str) -> None:
    del text


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions of new images.

    Attributes:
        run: name of the run.
        labels: the label of class 0, 1, ….
        names: of the images, as in `NewImages`.
        probs: (rows, classes) float64.
        predicted: (rows,) predicted classes: the metric of the run decides which.
        warnings: for each image what differs from the training images, or an empty text; None if there are
            no training images to compare with.
    """

    run: str
    labels: tuple[str, ...]
    names: tuple[str, ...]
    probs: Probabilities
    predicted: NDArray[np.integer]
    warnings: list[str] | None


@dataclass(frozen=True)
class _Column:
    """The members of one column of an ensemble.

    Attributes:
        run: that trained them.
        config: of this run.
        model: the model's name in this run.
        seed: of the training.
        views: whether the predictions of networks with test-time augmentation are means over views.
    """

    run: Run
    config: Config
    model: str
    seed: int
    views: bool

    @property
    def members(self) -> list[Member]:
        return [one for one in self.run.planned() if (one.model, one.seed) == (self.model, self.seed)]

    def networks(self) -> list[StoredNetwork]:
        """Return the networks of the members.

        Raises:
            UserError: one is missing or damaged.
        """
        spec = self.config.models[self.model]
        if not spec.needs_backend:
            raise TypeError(f"{self.model}: {spec.kind} is not a network")
        networks = []
        for member in self.members:
            path = self.run.network_path(member)
            if not path.is_file():
                raise UserError(
                    "the network of a member is missing",
                    where=str(path),
                    hint=f"copy it from where it was trained, or delete {path.stem}.npz and train it again: "
                    f"`{self.run.read_record().command}`",
                )
            self.run.check_network(member)
            networks.append(StoredNetwork(path.resolve(), spec, self.views and spec.views))
        return networks

    def test(self) -> NDArray[np.float64]:
        """Return the column's test predictions, (test rows, classes), not calibrated."""
        results = [self.run.read_member(member) for member in self.members]
        results = [one.with_views() for one in results] if self.views else results
        return np.asarray(np.mean([one.test_probs for one in results], axis=0, dtype=np.float64))


def predict_files(
    run: Run, paths: Sequence[Path], on_stage: Callable[[str], None] = _ignore, *, inverted: bool = False
) -> Prediction:
    """Return the predictions of image files, CSV files and folders; see `read_images` and `predict`."""
    check_finished(run)
    new = read_images(paths, validate(run.read_record().config), inverted=inverted)
    return predict_images(run, new, on_stage)


def predict_images(run: Run, new: NewImages, on_stage: Callable[[str], None] = _ignore) -> Prediction:
    """Return the predictions of images, and whether these look like training images; see `predict`."""
    probs = predict(run, new.images, on_stage)
    on_stage("comparing with training images")
    unlike = unlike_training(run, new.images)
    return Prediction(run.name, class_names(run), new.names, probs, _decided(run, probs), unlike)


def write(path: Path, prediction: Prediction) -> None:
    """Write a CSV file: file, predicted label, one probability per class, as in test.csv of a run."""
    table = Predictions(prediction.names, prediction.probs, prediction.labels, "file", prediction.predicted)
    write_test(path, table)


def predict(run: Run, images: NDArray[np.uint8], on_stage: Callable[[str], None] = _ignore) -> Probabilities:
    """Return the probabilities of new images, (rows, classes) float64, as the run predicts its test images.

    Members, views, temperatures and weights are those of the run's ensemble.

    Args:
        run: a finished run or ensemble.
        images: (rows, height, width, channels), at least one, of the shape of the run.
        on_stage: receives what is done now, as in "network 3 of 8".

    Raises:
        UserError: the run is not finished, a network is missing or not readable, a source of an ensemble is
            missing or changed, or a model has no networks.
        KitError: the process that predicts failed.
    """
    check_finished(run)
    ensemble, columns = run.read_ensemble(), dict(_columns(run))
    # The key of a run's own column contains the name that the run had when it was trained.
    used = {key: columns.get(key) or columns[key.rpartition("/")[2]] for key in used_columns(ensemble)}
    _check_networks(run, list(used.values()))
    networks = {key: column.networks() for key, column in used.items()}
    flat = [one for own in networks.values() for one in own]
    results = iter(predict_stored(flat, images, run.read_record().backend, on_stage))
    predicted = {
        key: np.asarray(np.mean([next(results) for _ in own], axis=0, dtype=np.float64))
        for key, own in networks.items()
    }
    return apply(ensemble, predicted, lambda key: used[key].test())


def check_finished(run: Run) -> None:
    """Check that a run is complete.

    Raises:
        UserError: it is not.
    """
    if not run.is_finished():
        what = f"this run is not finished ({run.status()})"
        raise UserError(what, where=str(run.path), hint=run.how_to_finish())


def _decided(run: Run, probs: Probabilities) -> NDArray[np.integer]:
    """Return the classes that the run's metric predicts; its rule may depend on the OOF predictions."""
    metric = METRICS[validate(run.read_record().config).competition.metric]
    if not metric.rule:
        return most_probable(probs)
    oof = run.read_oof()
    return metric.decider(oof.probs, oof.labels)(probs)


def class_names(run: Run) -> tuple[str, ...]:
    """Return the label of class 0, 1, …."""
    return run.read_record().labels or run.read_oof().names


def _columns(run: Run) -> Iterator[tuple[str, _Column]]:
    """Yield all columns of a run by model and seed, those of an ensemble of runs by their keys."""
    record = run.read_record()
    if not record.sources:
        config = validate(record.config)
        for model in config.models:
            for seed in config.seeds:
                yield f"{model}-s{seed}", _Column(run, config, model, seed, run.read_ensemble().tta)
    for source in record.sources:
        place = find_source(source)
        if place is None or not is_same(place, source):
            raise UserError(
                f"its source run {source.name} {'is not there' if place is None else 'changed since'}",
                where=str(run.path),
                expected=f"the run as it was combined, in {source.path}",
                hint=f"combine the runs again: `{record.command} --fresh`",
            )
        config = validate(place.read_record().config)
        for model in config.models:
            for seed in config.seeds:
                key = f"{label_of(source, model, list(config.models))}-s{seed}"
                yield key, _Column(place, config, model, seed, source.tta)


def _check_networks(run: Run, columns: list[_Column]) -> None:
    """Check that all models are networks: others are not stored."""
    others = sorted({one.model for one in columns if not one.config.models[one.model].needs_backend})
    if others:
        settings = " ".join(f"--set models.{name}=null" for name in others)
        source = next(one for one in columns if one.model in others)
        raise UserError(
            f"its ensemble contains {', '.join(others)}, which kit does not store",
            where=str(run.path),
            expected="networks alone",
            hint=f"train the others: `kit cv -c {source.run.read_record().config_name} {settings}`"
            if any(model.needs_backend for model in source.config.models.values())
            else "name a run of networks: `kit runs` lists the runs",
        )
