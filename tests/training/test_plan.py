from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Config, Pretrained, merged, validate
from kit.data.dataset import Dataset
from kit.errors import UserError
from kit.members import ALL_ROWS, Member, MemberResult, plan_members
from kit.records import History
from kit.training import machine
from kit.training.plan import (
    UNUSED,
    Numerics,
    make_jobs,
    makespan,
    plan,
    resolve_numerics,
    slow_networks,
    with_pseudo_labels,
)
from tests import tasks

CONFIG = Config.model_validate(
    {
        "seeds": [4, 2],
        "folds": {"count": 2},
        "competition": {"image_shape": [4, 4], "classes": 3},
        "models": {
            "net": {"stages": [{"filters": 2}], "training": {"precision": "float32"}},
            "knn": {"kind": "knn"},
        },
    }
)


def test_the_plan_is_that_of_the_configuration() -> None:
    config = CONFIG.model_copy(update={"all_rows": True})
    assert plan(config) == plan_members(["net", "knn"], 2, [4, 2], all_rows=True)


def test_networks_have_a_backend_and_each_its_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert resolve_numerics(CONFIG) == Numerics("tensorflow", {"net": "float32"})


def test_without_a_network_there_is_no_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    only = Config.model_validate({"models": {"knn": {"kind": "knn"}}})
    assert resolve_numerics(only) == Numerics(None, {})
    with pytest.raises(UserError, match="nonsense"):
        resolve_numerics(CONFIG)


def test_backend_and_precision_decide_a_run() -> None:
    settings = [
        Numerics(None, {}),
        Numerics("tensorflow", {"net": "float32"}),
        Numerics("tensorflow", {"net": "bfloat16"}),
        Numerics("jax", {"net": "float32"}),
    ]
    assert len({CONFIG.digest(**one.hash_fields()) for one in settings}) == 4


DATASET = Dataset(
    train_images=np.zeros((4, 4, 4, 1), np.uint8),
    train_labels=np.zeros(4, np.uint8),
    test_images=np.zeros((9, 4, 4, 1), np.uint8),
    task=tasks.make(image_shape=[4, 4], classes=3),
    fingerprint="0123abcd",
    sample=False,
    source="here",
    warnings=(),
    folder=Path("folder"),
)


def test_a_job_holds_out_the_rows_of_its_fold_and_seed() -> None:
    folds = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], np.int8)
    members = [Member("net", 1, 4), Member("knn", 1, 2), Member("knn", ALL_ROWS, 2)]
    net, knn, all_rows = make_jobs(members, CONFIG, Numerics("jax", {"net": "bfloat16"}), folds, DATASET)
    assert net.held_out.tolist() == [False, False, True, True]
    assert knn.held_out.tolist() == [False, True, False, True]
    assert all_rows.held_out.tolist() == [False] * 4
    assert (net.member, net.model, net.shape, net.classes) == (members[0], CONFIG.models["net"], (4, 4, 1), 3)
    assert (net.backend, net.precision) == ("jax", "bfloat16")
    assert (net.data, net.test_rows) == ("0123abcd", 9)


def test_rows_without_a_fold_are_seen_by_no_member() -> None:
    folds = np.array([[0, UNUSED, 1, 1], [0, 0, 1, 1]], np.int8)
    members = [Member("knn", 1, 4), Member("knn", 1, 2)]
    first, second = make_jobs(members, CONFIG, Numerics(None, {}), folds, DATASET)
    assert first.unused is not None
    assert first.unused.tolist() == [False, True, False, False]
    assert first.held_out.tolist() == [False, False, True, True]
    assert second.unused is None


@pytest.mark.parametrize(("limit", "rows"), [(None, 9), (5, 5), (20, 9)])
def test_test_rows_may_be_limited(limit: int | None, rows: int) -> None:
    folds = np.zeros((2, 4), np.int8)
    [job] = make_jobs([Member("knn", 0, 4)], CONFIG, Numerics(None, {}), folds, DATASET, test_rows=limit)
    assert job.test_rows == rows


def test_a_network_learns_from_the_members_of_its_fold_and_seed() -> None:
    models = {"knn": {"kind": "knn"}, "net": {"stages": [{"filters": 2}], "teachers": ["knn"]}}
    config = Config.model_validate(merged(CONFIG.model_dump(), {"models": models}))
    jobs = make_jobs(plan(config), config, resolve_numerics(config), np.zeros((2, 4), np.int8), DATASET)
    taught = {str(job.member): job.teachers for job in jobs}
    assert taught["net-f1-s2"] == (Member("knn", 1, 2),)
    assert taught["knn-f1-s2"] == ()


def probabilities(*first: float) -> NDArray[np.float32]:
    """Return one row per number, the probability of the first of three classes; the last has the rest."""
    return np.array([[one, 0, 1 - one] for one in first], np.float32)


def test_pseudo_labels_are_the_mean_over_teachers_with_views_where_they_have_them() -> None:
    plain = MemberResult(np.array([1, 4]), probabilities(0.2, 0.4), probabilities(0, 0.5, 1), History())
    views = replace(plain, val_probs_tta=probabilities(0.6, 0.8), test_probs_tta=probabilities(1, 0.5, 0))
    teachers = {Member("one", 0, 4): plain, Member("two", 0, 4): views}
    [job] = make_jobs([Member("net", 0, 4)], CONFIG, Numerics(None, {}), np.zeros((2, 4), np.int8), DATASET)
    taught = with_pseudo_labels(replace(job, teachers=tuple(teachers)), teachers.__getitem__)
    assert taught.pseudo_labels
    assert taught.pseudo_labels.val.dtype == taught.pseudo_labels.test.dtype == np.float32
    np.testing.assert_allclose(taught.pseudo_labels.val, probabilities(0.4, 0.6), rtol=1e-6)
    np.testing.assert_allclose(taught.pseudo_labels.test, probabilities(0.5, 0.5, 0.5), rtol=1e-6)


def test_a_job_without_teachers_is_left_as_it_is() -> None:
    [job] = make_jobs([Member("knn", 0, 4)], CONFIG, Numerics(None, {}), np.zeros((2, 4), np.int8), DATASET)
    results: dict[Member, MemberResult] = {}
    assert with_pseudo_labels(job, results.__getitem__) is job


def test_makespan_gives_the_next_task_to_an_idle_worker() -> None:
    assert makespan([4, 1, 1, 1, 4], 2) == 7
    assert makespan([], 3) == 0


def test_jobs_of_a_pretrained_network_know_where_its_weights_are(workdir: Path) -> None:
    (workdir / "my.weights.h5").touch()
    pretrained = {"kind": "pretrained", "name": "MobileNetV2", "weights": "my.weights.h5"}
    shape = {"competition": {"image_shape": [32, 32], "classes": 3}}
    config = Config.model_validate({"models": {"net": pretrained}} | shape)
    (job,) = make_jobs(
        [Member("net", 0, 0)], config, Numerics("jax", {"net": "float32"}), np.zeros((1, 4), np.int8), DATASET
    )
    assert isinstance(job.model, Pretrained)
    assert job.model.weights == str(workdir / "my.weights.h5")
    # The path is not part of what the run is about.
    assert config.models["net"] == Pretrained.model_validate(pretrained)


@pytest.mark.parametrize(("backend", "gpus", "notes"), [("jax", 0, 1), ("jax", 1, 0), ("tensorflow", 0, 0)])
def test_a_pretrained_network_is_slow_with_jax_on_a_cpu(
    backend: str, gpus: int, notes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "usable_gpus", lambda _: ("gpu",) * gpus)
    small = {"kind": "pretrained", "name": "MobileNetV3Small"}
    models = {"small": small, "net": {"stages": [{"filters": 2}]}}
    found = slow_networks(validate({"models": models, "competition": {"image_shape": [32, 32]}}), backend)
    assert [note.split(":")[0] for note in found] == ["small"] * notes


def test_only_jax_trains_members_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "backend", lambda: "tensorflow")
    with pytest.raises(UserError) as raised:
        resolve_numerics(CONFIG.model_copy(update={"together": 2}))
    assert str(raised.value) == (
        "together: only JAX trains several members as one program\n"
        "expected 1, or KERAS_BACKEND=jax, received 2, with KERAS_BACKEND=tensorflow"
    )


def test_networks_of_one_phase_are_trained_together() -> None:
    members = [Member("net", 0, 4), Member("knn", 0, 4)]
    folds, numerics = np.zeros((2, len(DATASET.train_labels)), np.int8), Numerics("jax", {"net": "float32"})
    jobs = make_jobs(members, CONFIG, numerics, folds, DATASET, together=4)
    assert [job.together for job in jobs] == [4, 1]
