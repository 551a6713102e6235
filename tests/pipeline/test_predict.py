"""The networks are replaced by fixed probabilities; `test_the_run_is_repeated` trains real ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

import kit
from kit.config import load
from kit.data.layout import SAMPLE
from kit.errors import UserError
from kit.members import Member
from kit.oof import Oof
from kit.pipeline import predict as module
from kit.pipeline.new_images import NewImages
from kit.pipeline.predict import class_names, predict, predict_files, predict_images, write
from kit.records import EnsembleRecord
from kit.run_folder import Run, find_run
from kit.training.stored import StoredNetwork
from tests.workplace import write_run

IMAGES = np.zeros((2, 28, 28, 1), np.uint8)


def ensemble(run: Run, weights: dict[str, float], *, method: str = "weighted", tta: bool = False) -> None:
    run.write_ensemble(
        EnsembleRecord(method=method, tta=tta, calibrate=False, weights=weights, temperatures={})
    )


@pytest.fixture
def run(workdir: Path) -> Run:
    """Return a run of two networks, the first deskewed, with two folds and a member on all rows."""
    changes = ["folds.count=2", "all_rows=true", "augmentation.tta=true", "ensemble.tta=true"]
    config = load("default", changes).model_dump(mode="json")
    run = write_run("renamed", folder=workdir, config=config, labels=tuple("0123456789"))
    (run.path / "members").mkdir()
    for member in run.planned():
        run.network_path(member).write_bytes(b"network")
    ensemble(run, {"before/cnn-s0": 0.75, "before/wide_view-s0": 0.25}, tta=True)
    return run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[StoredNetwork]:
    """Make network i of a prediction certain of class i, and return the networks that were asked for."""
    networks: list[StoredNetwork] = []

    def fake(given: Sequence[StoredNetwork], images: NDArray[np.uint8], *_: Any) -> list[NDArray[np.float32]]:
        networks[:] = given
        return [
            np.tile(np.eye(10, dtype=np.float32)[number], (len(images), 1)) for number in range(len(given))
        ]

    monkeypatch.setattr(module, "predict_stored", fake)
    return networks


def test_members_are_averaged_and_columns_weighted(run: Run, asked: list[StoredNetwork]) -> None:
    probs = predict(run, IMAGES)
    assert [one.path.stem for one in asked] == [
        *("cnn-f0-s0", "cnn-f1-s0", "cnn-all-s0"),
        *("wide_view-f0-s0", "wide_view-f1-s0", "wide_view-all-s0"),
    ]
    assert probs[1].round(6).tolist() == [*[0.25] * 3, *[round(1 / 12, 6)] * 3, *[0] * 4]


def test_each_network_is_used_as_in_the_run(run: Run, asked: list[StoredNetwork]) -> None:
    predict(run, IMAGES)
    assert [(one.model.deskew, one.views) for one in asked] == [(True, True)] * 3 + [(False, True)] * 3


def test_networks_without_weight_are_not_needed(run: Run, asked: list[StoredNetwork]) -> None:
    ensemble(run, {"before/cnn-s0": 0.0, "before/wide_view-s0": 1.0})
    run.network_path(Member("cnn", 0, 0)).unlink()
    assert predict(run, IMAGES)[0, :3] == pytest.approx([1 / 3] * 3)
    assert not any(one.views for one in asked)


def test_a_missing_network_is_named(run: Run) -> None:
    run.network_path(Member("wide_view", 1, 0)).unlink()
    with pytest.raises(UserError, match=r"wide_view-f1-s0\.keras: the network of a member is missing"):
        predict(run, IMAGES)


def test_models_without_networks_are_named(workdir: Path) -> None:
    config = load("baselines").model_dump(mode="json")
    run = write_run(folder=workdir, config=config)
    ensemble(run, {f"x/{name}-s0": 1.0 for name in config["models"]}, method="mean")
    with pytest.raises(
        UserError, match="its ensemble contains forest, knn, logistic, svm, which kit does not"
    ):
        predict(run, IMAGES)


def test_an_unfinished_run_is_refused(workdir: Path) -> None:
    run = write_run(folder=workdir, status="failed")
    with pytest.raises(UserError, match=r"not finished \(failed\)"):
        predict(run, IMAGES)


def test_the_table_has_the_columns_of_test_csv(run: Run, asked: list[StoredNetwork], tmp_path: Path) -> None:
    Pillow.new("L", (28, 28)).save(tmp_path / "a.png")
    prediction = predict_files(run, [tmp_path / "a.png"])
    assert asked
    assert prediction.labels == class_names(run) == tuple("0123456789")
    write(tmp_path / "out.csv", prediction)
    header, row = (tmp_path / "out.csv").read_text().splitlines()
    assert header == "file,predicted," + ",".join(f"p{digit}" for digit in range(10))
    assert row.startswith(f"{tmp_path}/a.png,0,0.25,0.25,0.25,0.0833")


def test_the_metric_chooses_the_label(run: Run, asked: list[StoredNetwork]) -> None:
    """With balanced accuracy, the rarer of two classes of equal probability is predicted."""
    changes = ["folds.count=2", "competition.metric=balanced_accuracy"]
    record = run.read_record()
    run.write_record(record.model_copy(update={"config": load("default", changes).model_dump(mode="json")}))
    labels = np.array([0, 0, 0, 1])
    run.write_oof(Oof(labels, np.eye(10)[labels], tuple("0123456789")))
    prediction = predict_images(run, NewImages(("a", "b"), IMAGES))
    assert asked
    assert prediction.probs[0, 0] == prediction.probs[0, 1]
    assert prediction.predicted.tolist() == [1, 1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_run_is_repeated(workdir: Path) -> None:
    """Images of the test rows get the probabilities of test.csv, also by an ensemble of runs."""
    (workdir / "data").mkdir()
    for name in ("train", "test"):
        (workdir / f"data/{name}.csv.gz").write_bytes((SAMPLE / f"{name}.csv.gz").read_bytes())
    small = {"folds.count": 2, "training.epochs": 2, "models.wide_view": None, "models.cnn.width": 0.25}
    one = kit.cv("default", set={**small, "ensemble.calibrate": True}, run="one")
    other = kit.cv("default", set={**small, "models.cnn.deskew": False, "all_rows": True}, run="other")
    both = kit.ensemble([one, other], method="rank")
    test = np.loadtxt(SAMPLE / "test.csv.gz", np.uint8, delimiter=",", skiprows=1).reshape(-1, 28, 28)[:40]
    for number, image in enumerate(test):
        Pillow.fromarray(image).save(workdir / f"{number}.png")
    files = [workdir / f"{number}.png" for number in range(len(test))]
    for run in (one, other, both):
        expected = run.test.iloc[: len(test), 1:].to_numpy()
        prediction = predict_files(find_run(run.name), files)
        assert np.abs(prediction.probs - expected).max() < 1e-3
    frame = other.predict(test)
    assert frame["predicted"].tolist() == other.test["predicted"][: len(test)].tolist()
    assert list(frame.columns) == list(other.test.columns)
