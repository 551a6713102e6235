import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from kit import metrics
from kit.config import Augmentation, Cnn, Pretrained, ResNet, Stage, Training
from kit.members import ALL_ROWS, Member, MemberResult, pack, unpack
from kit.models.augmentation import deskew
from kit.models.families import cost
from kit.training import network
from kit.training.epochs import run_alone
from kit.training.failures import DivergedError
from kit.training.job import Job
from tests.backends import BACKENDS

ROWS, TEST_ROWS, SIDE, CLASSES = 90, 13, 8, 3
SPEC = Cnn(
    stages=(Stage(filters=4, stride=2),),
    head=(8,),
    batch_norm="after_activation",
    dropout=0.1,
    augmentation=Augmentation(shift=0.05),
    training=Training(epochs=6, batch_size=16, learning_rate=0.02, ema=0.5, label_smoothing=0.05),
)


def squares(rows: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return noise with a bright square whose position depends on the class, and the classes."""
    labels = np.arange(rows, dtype=np.uint8) % CLASSES
    images = np.random.default_rng(seed).integers(0, 80, (rows, SIDE, SIDE, 1), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[1:4, 1:4] += np.uint8(170) * (label == 0)
        image[4:7, 4:7] += np.uint8(170) * (label == 1)
    return images, labels


IMAGES, LABELS = squares(ROWS, 0)
TEST_IMAGES, TEST_LABELS = squares(TEST_ROWS, 1)
HELD_OUT = np.arange(ROWS) % 4 == 1


def job(spec: Cnn = SPEC, precision: str = "float32", seed: int = 0) -> Job:
    return Job(
        Member("cnn", 1, seed),
        spec,
        (SIDE, SIDE, 1),
        CLASSES,
        "data",
        TEST_ROWS,
        HELD_OUT,
        "tensorflow",
        precision,
        "accuracy",
    )


def with_training(**changes: Any) -> Cnn:
    return SPEC.model_copy(update={"training": SPEC.training.model_copy(update=changes)})


def fit(one: Job, images: Any, labels: Any, test_images: Any, *rest: Any, **options: Any) -> MemberResult:
    spec: Any = one.model
    images, test_images = network.prepared(spec, images, test_images)
    return run_alone(network.train_network(one, images, labels, test_images, *rest, **options))


def train(one: Job, seen: list[tuple[int, float, float]] | None = None) -> MemberResult:
    def on_epoch(*figures: Any) -> None:
        if seen is not None:
            seen.append(figures)

    return fit(one, IMAGES, LABELS, TEST_IMAGES, on_epoch)


@pytest.fixture(scope="module")
def epochs() -> list[tuple[int, float, float]]:
    return []


@pytest.fixture(scope="module")
def result(epochs: list[tuple[int, float, float]]) -> MemberResult:
    return train(job(), epochs)


def test_a_network_learns(result: MemberResult) -> None:
    assert metrics.accuracy(result.val_probs, LABELS[HELD_OUT]) == 1
    assert metrics.accuracy(result.test_probs, TEST_LABELS) == 1
    assert result.history.train_score == 1


def test_val_probs_belong_to_the_held_out_rows(result: MemberResult) -> None:
    np.testing.assert_array_equal(result.val_rows, np.flatnonzero(HELD_OUT))
    assert result.test_probs.shape == (TEST_ROWS, CLASSES)
    for probs in (result.val_probs, result.test_probs):
        assert probs.dtype == np.float32
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)


def test_the_history_has_one_value_per_epoch(result: MemberResult) -> None:
    history = result.history
    curves = history.epochs
    values: dict[str, tuple[float, ...]] = curves.model_dump()
    assert all(len(one) == 6 for one in values.values())
    assert values["loss"][-1] < values["loss"][0]
    assert 0 <= min(values["accuracy"]) <= max(values["accuracy"]) <= 1
    # 67 or 68 rows are left, in whole batches of 16.
    assert (history.steps, history.batch_size) == (4 * 6, 16)
    assert (history.parameters, history.multiply_adds) == cost(SPEC, (SIDE, SIDE, 1), CLASSES)
    assert history.tracing_seconds == curves.seconds[0] - np.median(curves.seconds[1:])


def test_the_result_is_that_of_the_last_epoch(result: MemberResult) -> None:
    expected = metrics.log_loss(result.val_probs, LABELS[HELD_OUT])
    assert result.history.epochs.val_loss[-1] == pytest.approx(expected, rel=1e-6)


def test_on_epoch_receives_each_epoch(result: MemberResult, epochs: list[Any]) -> None:
    curves = result.history.epochs
    assert epochs == list(zip(range(1, 7), curves.val_loss, curves.val_score, strict=True))


@pytest.mark.parametrize("watched", [0, 5])
def test_watching_fewer_rows_changes_no_prediction(result: MemberResult, watched: int) -> None:
    np.testing.assert_array_equal(train(replace(job(), watched=watched)).val_probs, result.val_probs)


def test_the_loss_of_an_epoch_is_that_of_the_watched_rows() -> None:
    one = replace(job(), watched=5)
    found = train(one)
    rows = one.watched_rows
    assert len(rows) == 5
    expected = metrics.LOSS.value(found.val_probs[np.isin(np.flatnonzero(HELD_OUT), rows)], LABELS[rows])
    assert found.history.epochs.val_loss[-1] == pytest.approx(expected, rel=1e-5)


def test_without_watched_rows_an_epoch_has_no_loss() -> None:
    seen: list[tuple[int, float, float]] = []
    train(replace(job(with_training(epochs=1)), watched=0), seen)
    assert np.isnan(seen[0][1])


def test_the_share_of_an_epoch_counts_the_predictions_after_its_steps() -> None:
    seen: list[tuple[str, int, float]] = []
    fit(
        job(with_training(epochs=1)),
        IMAGES,
        LABELS,
        TEST_IMAGES,
        lambda *_: None,
        on_activity=lambda *activity: seen.append(activity),
    )
    shares = [share for phase, _, share in seen if phase == "training"]
    assert shares == sorted(shares)
    batch, learned = SPEC.training.batch_size, int((~HELD_OUT).sum())
    images = learned // batch * batch
    assert shares[-2:] == pytest.approx([images / (images + HELD_OUT.sum() / 3), 1.0])


def test_the_same_job_gives_the_same_bits(result: MemberResult) -> None:
    again = train(job())
    np.testing.assert_array_equal(again.val_probs, result.val_probs)
    np.testing.assert_array_equal(again.test_probs, result.test_probs)


def test_views_do_not_change_the_plain_predictions(result: MemberResult) -> None:
    spec = SPEC.model_copy(update={"augmentation": Augmentation(shift=0.05, tta=True)})
    views = train(job(spec))
    assert result.val_probs_tta is None
    np.testing.assert_array_equal(views.val_probs, result.val_probs)
    np.testing.assert_array_equal(views.test_probs, result.test_probs)
    for plain, mean in ((views.val_probs, views.val_probs_tta), (views.test_probs, views.test_probs_tta)):
        assert mean is not None
        assert mean.shape == plain.shape
        assert mean.dtype == np.float32
        np.testing.assert_allclose(mean.sum(axis=1), 1, atol=1e-6)
        assert not np.array_equal(mean, plain)


def test_deskewing_covers_training_held_out_and_test_images() -> None:
    spec = SPEC.model_copy(update={"deskew": True})
    before = fit(job(), deskew(IMAGES), LABELS, deskew(TEST_IMAGES), lambda *_: None)
    within = train(job(spec))
    np.testing.assert_array_equal(within.val_probs, before.val_probs)
    np.testing.assert_array_equal(within.test_probs, before.test_probs)
    assert within.history.train_score == before.history.train_score


def test_a_network_on_all_rows_predicts_only_test_rows() -> None:
    seen: list[tuple[int, float, float]] = []
    spec = SPEC.model_copy(update={"augmentation": Augmentation(shift=0.05, tta=True)})
    member = replace(job(spec), member=Member("cnn", ALL_ROWS, 0), held_out=np.zeros(ROWS, np.bool_))
    result = train(member, seen)
    assert result.val_rows.shape == (0,)
    assert result.val_probs.shape == (0, CLASSES)
    # Chance is 1 in 3.
    assert metrics.accuracy(result.test_probs, TEST_LABELS) > 0.6
    # 90 rows, in whole batches of 16.
    assert result.history.steps == 5 * 6
    assert [epoch for epoch, _, _ in seen] == list(range(1, 7))
    assert np.isnan([figures for _, *figures in seen]).all()
    back = unpack(pack(result)).with_views()
    assert back.val_probs.shape == (0, CLASSES)
    np.testing.assert_array_equal(back.test_probs, result.test_probs_tta)


def test_another_seed_gives_another_network(result: MemberResult) -> None:
    assert not np.array_equal(train(job(seed=1)).val_probs, result.val_probs)


COLOUR, TEST_COLOUR = (np.concatenate([one, 255 - one, one // 2], axis=-1) for one in (IMAGES, TEST_IMAGES))
DESKEWED = SPEC.model_copy(update={"deskew": True})
LOAD = """
import sys
sys.modules["kit"] = None  # Importing it fails.
import keras, numpy as np
for name in sys.argv[1:]:
    np.save(f"{name}.npy", keras.saving.load_model(f"{name}.keras").predict(np.load(f"{name}-images.npy")))
"""


@pytest.fixture(scope="module")
def stored(result: MemberResult, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return a folder of stored networks and test images, and the test probabilities of each run."""
    folder = tmp_path_factory.mktemp("stored")
    colour = replace(job(), shape=(SIDE, SIDE, 3))
    results = {
        "plain": (result, TEST_IMAGES),
        "deskewed": (train(job(DESKEWED)), TEST_IMAGES),
        "bfloat16": (train(job(DESKEWED, precision="bfloat16")), TEST_IMAGES),
        "colour": (fit(colour, COLOUR, LABELS, TEST_COLOUR, lambda *_: None), TEST_COLOUR),
    }
    for name, (one, images) in results.items():
        (folder / f"{name}.keras").write_bytes(one.network or b"")
        np.save(folder / f"{name}-images.npy", images)
    return folder, {name: one.test_probs for name, (one, _) in results.items()}


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stored_network_predicts_the_run_in_an_interpreter_without_kit(
    stored: tuple[Path, dict[str, Any]], backend: str
) -> None:
    folder, expected = stored
    subprocess.run(
        [sys.executable, "-I", "-c", LOAD, *expected],
        env=os.environ | {"KERAS_BACKEND": backend},
        check=True,
        cwd=folder,
    )
    # bfloat16 has 8 bits, and the order of operations differs from the training step.
    for name, tolerance in (("plain", 1e-5), ("deskewed", 1e-5), ("colour", 1e-5), ("bfloat16", 0.01)):
        np.testing.assert_allclose(np.load(folder / f"{name}.npy"), expected[name], atol=tolerance)


def test_a_residual_network_learns_from_augmented_photographs() -> None:
    spec = ResNet(
        kind="resnet",
        filters=(8, 8),
        augmentation=Augmentation(
            flip="both",
            crop=0.1,
            fill="reflect",
            brightness=0.1,
            contrast=0.1,
            saturation=0.1,
            cutout=0.1,
            tta=True,
        ),
        training=Training(epochs=2, batch_size=16),
    )
    colour = replace(job(), model=spec, shape=(SIDE, SIDE, 3))
    result = fit(colour, COLOUR, LABELS, TEST_COLOUR, lambda *_: None)
    first, last = result.history.epochs.loss
    assert (last or 0) < (first or 0)
    assert result.history.parameters == cost(spec, colour.shape, CLASSES).parameters
    assert result.test_probs_tta is not None
    assert not np.array_equal(result.test_probs_tta, result.test_probs)


@pytest.mark.slow
def test_a_pretrained_network_is_trained_in_two_phases_and_stored(tmp_path: Path) -> None:
    weights = tmp_path / "small.weights.h5"
    keras.applications.MobileNetV3Small(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    ).save_weights(weights)
    spec = Pretrained(
        kind="pretrained",
        name="MobileNetV3Small",
        weights=str(weights),
        frozen_epochs=2,
        training=Training(epochs=1, batch_size=16),
    )
    images, test_images = (np.kron(one, np.ones((1, 4, 4, 1), np.uint8)) for one in (IMAGES, TEST_IMAGES))
    seen: list[int] = []
    result = fit(
        replace(job(), model=spec, shape=(32, 32, 1)),
        images,
        LABELS,
        test_images,
        lambda *now: seen.append(now[0]),
    )
    assert seen == [1, 2, 3]
    assert len(result.history.epochs.loss) == 3
    assert result.history.steps == 3 * 4
    (tmp_path / "network.keras").write_bytes(result.network or b"")
    stored = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(stored.predict(test_images, verbose=0), result.test_probs, atol=1e-5)


def test_a_diverging_loss_ends_the_training() -> None:
    with pytest.raises(
        DivergedError, match=r"diverged in epoch 1: the loss is (nan|inf)\nlower training.learning_rate"
    ):
        train(job(with_training(learning_rate=1e30, optimizer="sgd", schedule="constant")))


def test_one_epoch_has_no_tracing_time() -> None:
    assert train(job(with_training(epochs=1))).history.tracing_seconds == 0
