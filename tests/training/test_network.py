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
from kit.config import Augmentation, Cnn, Stage, Training
from kit.errors import KitError
from kit.members import ALL_ROWS, Member, MemberResult, pack, unpack
from kit.models.augmentation import VIEWS, deskew
from kit.models.cost import cost
from kit.training import network
from kit.training.engines.base import TrainingState, batch_accuracy
from kit.training.job import Job

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
    """Return noise with a bright square in a place that says the class, and the classes."""
    labels = np.arange(rows, dtype=np.uint8) % CLASSES
    images = np.random.default_rng(seed).integers(0, 80, (rows, SIDE, SIDE), np.uint8)
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
        (SIDE, SIDE),
        CLASSES,
        "data",
        TEST_ROWS,
        HELD_OUT,
        "tensorflow",
        precision,
    )


def with_training(**changes: Any) -> Cnn:
    return SPEC.model_copy(update={"training": SPEC.training.model_copy(update=changes)})


def train(one: Job, seen: list[tuple[int, float, float]] | None = None) -> MemberResult:
    def on_epoch(*figures: Any) -> None:
        if seen is not None:
            seen.append(figures)

    return network.train_network(one, IMAGES, LABELS, TEST_IMAGES, on_epoch)


@pytest.fixture(scope="module")
def epochs() -> list[tuple[int, float, float]]:
    return []


@pytest.fixture(scope="module")
def result(epochs: list[tuple[int, float, float]]) -> MemberResult:
    return train(job(), epochs)


def test_a_network_learns(result: MemberResult) -> None:
    assert metrics.accuracy(result.val_probs, LABELS[HELD_OUT]) == 1
    assert metrics.accuracy(result.test_probs, TEST_LABELS) == 1
    assert result.history["train_accuracy"] == 1


def test_probabilities_are_those_of_the_rows_held_out(result: MemberResult) -> None:
    np.testing.assert_array_equal(result.val_rows, np.flatnonzero(HELD_OUT))
    assert result.test_probs.shape == (TEST_ROWS, CLASSES)
    for probs in (result.val_probs, result.test_probs):
        assert probs.dtype == np.float32
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)


def test_the_history_holds_every_epoch(result: MemberResult) -> None:
    history = result.history
    curves = history["epochs"]
    assert set(curves) == set(network.CURVES)
    assert all(len(values) == 6 for values in curves.values())
    assert curves["loss"][-1] < curves["loss"][0]
    assert 0 <= min(curves["accuracy"]) <= max(curves["accuracy"]) <= 1
    # 67 or 68 rows are left, in whole batches of 16.
    assert (history["steps"], history["batch_size"]) == (4 * 6, 16)
    assert (history["parameters"], history["multiply_adds"]) == cost(SPEC, (SIDE, SIDE), CLASSES)
    later = curves["seconds"][1:]
    assert history["tracing_seconds"] == curves["seconds"][0] - np.median(later)


def test_the_last_epochs_figures_are_those_of_the_result(result: MemberResult) -> None:
    expected = metrics.log_loss(result.val_probs, LABELS[HELD_OUT])
    assert result.history["epochs"]["val_loss"][-1] == pytest.approx(expected, rel=1e-6)


def test_progress_is_told_epoch_by_epoch(result: MemberResult, epochs: list[Any]) -> None:
    curves = result.history["epochs"]
    told = list(zip(range(1, 7), curves["val_loss"], curves["val_accuracy"], strict=True))
    assert epochs == told


def test_the_same_member_is_the_same_bit_for_bit(result: MemberResult) -> None:
    again = train(job())
    np.testing.assert_array_equal(again.val_probs, result.val_probs)
    np.testing.assert_array_equal(again.test_probs, result.test_probs)


def test_views_are_predicted_beside_the_plain_images(result: MemberResult) -> None:
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


def test_deskewing_is_for_training_held_out_and_test_images() -> None:
    spec = SPEC.model_copy(update={"deskew": True})
    before = network.train_network(job(), deskew(IMAGES), LABELS, deskew(TEST_IMAGES), lambda *_: None)
    within = train(job(spec))
    np.testing.assert_array_equal(within.val_probs, before.val_probs)
    np.testing.assert_array_equal(within.test_probs, before.test_probs)
    assert within.history["train_accuracy"] == before.history["train_accuracy"]


def test_a_network_on_all_rows_predicts_test_rows_alone() -> None:
    seen: list[tuple[int, float, float]] = []
    spec = SPEC.model_copy(update={"augmentation": Augmentation(shift=0.05, tta=True)})
    member = replace(job(spec), member=Member("cnn", ALL_ROWS, 0), held_out=np.zeros(ROWS, np.bool_))
    result = train(member, seen)
    assert result.val_rows.shape == (0,)
    assert result.val_probs.shape == (0, CLASSES)
    # Chance is 1 in 3.
    assert metrics.accuracy(result.test_probs, TEST_LABELS) > 0.6
    # 90 rows, in whole batches of 16.
    assert result.history["steps"] == 5 * 6
    assert [epoch for epoch, _, _ in seen] == list(range(1, 7))
    assert np.isnan([figures for _, *figures in seen]).all()
    back = unpack(pack(result)).with_views()
    assert back.val_probs.shape == (0, CLASSES)
    np.testing.assert_array_equal(back.test_probs, result.test_probs_tta)


def test_another_seed_is_another_network(result: MemberResult) -> None:
    assert not np.array_equal(train(job(seed=1)).val_probs, result.val_probs)


LOAD = """
import sys, keras, numpy as np
images = np.load("images.npy")[..., None].astype("float32")
for name in sys.argv[1:]:
    np.save(name, keras.ops.softmax(keras.saving.load_model(f"{name}.keras")(images)))
assert not [name for name in sys.modules if name == "kit" or name.startswith("kit.")]
"""


@pytest.mark.slow
def test_the_saved_network_is_plain_keras_and_predicts_the_same(result: MemberResult, tmp_path: Path) -> None:
    results = {"float32": result, "bfloat16": train(job(precision="bfloat16"))}
    np.save(tmp_path / "images.npy", TEST_IMAGES)
    for name, one in results.items():
        (tmp_path / f"{name}.keras").write_bytes(one.network or b"")
    subprocess.run([sys.executable, "-c", LOAD, *results], check=True, cwd=tmp_path)
    for name, tolerance in (("float32", 1e-5), ("bfloat16", 0.02)):
        probs = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_allclose(probs, results[name].test_probs, atol=tolerance)


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    with pytest.raises(
        KitError, match=r"diverged in epoch 1: the loss is (nan|inf)\nlower training.learning_rate"
    ):
        train(job(with_training(learning_rate=1e30, optimizer="sgd", schedule="constant")))


def test_one_epoch_has_no_tracing_time() -> None:
    assert train(job(with_training(epochs=1))).history["tracing_seconds"] == 0


class Identity:
    """An engine whose logits name the row: image i is filled with i."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def epoch(self, order: NDArray[np.int32]) -> tuple[float, float]:
        raise NotImplementedError

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(images))
        return np.eye(256, dtype=np.float32)[images[:, 0, 0]] * 50


@pytest.mark.parametrize("rows", [1, 9, 10, 11, 25, 30])
def test_prediction_keeps_row_order_whatever_the_number_of_rows(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "PREDICTION_BATCH", 10)
    images = np.repeat(np.arange(rows, dtype=np.uint8), 4).reshape(rows, 2, 2)
    engine = Identity()
    probs = network.predict(engine, images)
    assert probs.argmax(axis=1).tolist() == list(range(rows))
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)
    # One size, so that it is compiled once.
    assert set(engine.batches) == {min(rows, 10)}


def test_the_mean_over_views_counts_each_view_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = []

    def view(images: NDArray[np.uint8], change: dict[str, float]) -> NDArray[np.uint8]:
        changes.append(change)
        return np.full_like(images, 9)

    monkeypatch.setattr(network, "view", view)
    images = np.repeat(np.arange(3, dtype=np.uint8), 4).reshape(3, 2, 2)
    plain = network.predict(Identity(), images)
    mean = network.predict_views(Identity(), images, plain)
    assert changes == list(VIEWS)
    np.testing.assert_allclose(mean[[0, 1, 2], [0, 1, 2]], 1 / 7, atol=1e-6)
    np.testing.assert_allclose(mean[:, 9], 6 / 7, atol=1e-6)


def test_huge_logits_are_no_trouble() -> None:
    class Huge(Identity):
        def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
            return np.tile(np.array([1e4, -1e4, 1e4], np.float32), (len(images), 1))

    np.testing.assert_array_equal(network.predict(Huge(), np.zeros((2, 1, 1), np.uint8)), [[0.5, 0, 0.5]] * 2)


def test_the_loss_is_the_cross_entropy() -> None:
    logits = np.log([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]).astype(np.float32)
    targets = np.array([[1, 0, 0], [0.25, 0, 0.75]], np.float32)
    student = TrainingState(None, None, np.zeros((2, 1, 1), np.uint8), targets)
    expected = -(np.log(0.7) + 0.25 * np.log(0.3) + 0.75 * np.log(0.4)) / 2
    assert float(student.loss(keras.ops.convert_to_tensor(logits), targets)) == pytest.approx(expected)


def test_hits_are_the_share_that_is_right() -> None:
    logits = np.array([[2, 1, 0], [0, 1, 2], [0, 3, 2], [1, 0, 0]], np.float32)
    targets = np.array([[1, 0, 0], [0.3, 0.2, 0.5], [0, 0, 1], [0.9, 0.1, 0]], np.float32)
    assert float(batch_accuracy(logits, targets)) == 0.75


def small_network(training: Training) -> tuple[keras.Model, keras.optimizers.Optimizer]:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[1.0]])])
    optimizer = network.make_optimizer(training, np.full(10, 0.1, np.float32))
    optimizer.build(model.trainable_variables)
    return model, optimizer


def step(model: keras.Model, optimizer: keras.optimizers.Optimizer, gradient: float) -> float:
    optimizer.apply([keras.ops.convert_to_tensor([[gradient]])], model.trainable_variables)
    return float(model.get_weights()[0][0, 0])


def test_the_average_of_the_weights_is_lent_and_given_back() -> None:
    training = Training(optimizer="sgd", momentum=0.0, ema=0.75)
    model, optimizer = small_network(training)
    raw = [step(model, optimizer, 1.0) for _ in range(3)]
    assert raw == pytest.approx([0.9, 0.8, 0.7])
    average = 0.75 * (0.75 * 0.9 + 0.25 * 0.8) + 0.25 * 0.7
    with network.averaged(optimizer, model, training):
        assert model.get_weights()[0][0, 0] == pytest.approx(average)
    assert model.get_weights()[0][0, 0] == pytest.approx(0.7)


def test_without_an_average_the_weights_stay() -> None:
    training = Training(optimizer="sgd")
    model, optimizer = small_network(training)
    with network.averaged(optimizer, model, training):
        assert model.get_weights()[0][0, 0] == 1.0


def test_every_step_has_the_rate_of_its_place() -> None:
    model, _ = small_network(Training())
    optimizer = network.make_optimizer(
        Training(optimizer="sgd", momentum=0.0), np.array([0.1, 0.02, 0.3], np.float32)
    )
    optimizer.build(model.trainable_variables)
    weights = [step(model, optimizer, 1.0) for _ in range(3)]
    assert weights == pytest.approx([0.9, 0.88, 0.58])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD"), ("muon", "KernelMuon")],
)
def test_the_optimizer_is_the_one_that_is_named(name: Any, kind: str) -> None:
    optimizer = network.make_optimizer(Training(optimizer=name), np.ones(1, np.float32))
    assert type(optimizer).__name__ == kind
    assert not getattr(optimizer, "weight_decay", None)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_weight_decay_spares_biases_and_batch_norm(name: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    optimizer = network.make_optimizer(
        Training(optimizer=name, weight_decay=0.5), np.full(1, 0.1, np.float32)
    )
    optimizer.build(model.trainable_variables)
    still = [keras.ops.zeros_like(variable) for variable in model.trainable_variables]
    optimizer.apply(still, model.trainable_variables)
    changed = {variable.name for variable in model.trainable_variables if not np.all(variable.numpy() == 1)}
    assert changed == {"kernel"}
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), 0.95, rtol=1e-6)
