"""Trainings of a confirmation: what they train on, and what is stored of them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import optuna
import pytest

from kit.config import Config, load
from kit.data.dataset import Dataset
from kit.metrics import BLOCKS
from kit.records import Replicate
from kit.tuning.confirm.candidates import BASELINE
from kit.tuning.confirm.replicates import PREFIX, Pair, ReplicateTrainer
from tests.launchers import CPU, FakeLauncher
from tests.tuning.confirm.conftest import ROWS, Workers, loss

PAIRS: list[Pair] = [(name, Replicate(1, fold)) for fold in (0, 1) for name in (BASELINE, "7")]


@pytest.fixture
def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study()


def make(
    study: optuna.Study, dataset: Dataset, workers: Workers, costs: Mapping[str, float | None] | None = None
) -> ReplicateTrainer:
    configs: dict[str, Config] = {BASELINE: load("mine"), "7": load("mine", ["models.knn.neighbours=4"])}
    return ReplicateTrainer(
        study,
        configs,
        dataset,
        launcher=FakeLauncher(workers),
        devices=[CPU, CPU],
        costs=costs or {},
        on_progress=lambda *_: None,
        on_event=lambda *_: None,
    )


def test_results_have_the_loss_and_its_blocks(
    study: optuna.Study, dataset: Dataset, workers: Workers
) -> None:
    trainer = make(study, dataset, workers)
    trainer.train(PAIRS)
    found = trainer.result("7", Replicate(1, 0))
    assert found.loss == pytest.approx(loss(4, 1, 0), rel=1e-5)
    assert len(found.blocks) == BLOCKS
    assert np.mean(found.blocks) == pytest.approx(found.loss)


def test_another_process_reads_the_results(study: optuna.Study, dataset: Dataset, workers: Workers) -> None:
    make(study, dataset, workers).train(PAIRS[:3])
    again = make(study, dataset, workers)
    assert again.missing(PAIRS) == PAIRS[3:]
    assert len([key for key in study.user_attrs if key.startswith(PREFIX)]) == 3


def test_results_of_an_earlier_version_are_not_used(
    study: optuna.Study, dataset: Dataset, workers: Workers
) -> None:
    study.set_user_attr("confirm/baseline/1/0", {"loss": 0.5, "seconds": 3.0})
    assert make(study, dataset, workers).missing(PAIRS) == PAIRS


def test_a_configuration_that_failed_is_trained_no_further(
    study: optuna.Study, dataset: Dataset, workers: Workers
) -> None:
    workers.failing[4] = "it diverged"
    trainer = make(study, dataset, workers)
    trainer.train(PAIRS[:2])
    assert (trainer.failure("7"), trainer.failure(BASELINE)) == ("it diverged", None)
    assert trainer.missing(PAIRS) == [(BASELINE, Replicate(1, 1))]


def test_the_time_comes_from_costs_until_it_is_measured(
    study: optuna.Study, dataset: Dataset, workers: Workers
) -> None:
    trainer = make(study, dataset, workers, {BASELINE: 10.0, "7": 20.0})
    # Two at once: 10 and 10 beside 20 seconds, then 20.
    assert trainer.seconds(PAIRS) == 40
    trainer.train(PAIRS[:2])
    # A stand-in says that it took three seconds.
    assert trainer.seconds(PAIRS) == 3


def test_rows_of_a_group_are_in_one_fold_and_one_block(
    study: optuna.Study, dataset: Dataset, workers: Workers
) -> None:
    groups = np.arange(ROWS, dtype=np.int64) // 20
    trainer = make(study, replace(dataset, groups=groups), workers)
    trainer.train(PAIRS)
    for job in workers.jobs:
        assert {len(set(job.held_out[groups == group])) for group in range(4)} == {1}
    # Four groups fill four blocks; the others have no rows, and the loss of all.
    found = trainer.result("7", Replicate(1, 0))
    values, counts = np.unique(np.round(found.blocks, 6), return_counts=True)
    assert counts.max() >= BLOCKS - 4
    assert len(values) <= 5
