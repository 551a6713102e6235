"""Pseudo-values of metrics: what each block of rows adds to the loss."""

import numpy as np
import pytest

from kit.metrics import BLOCKS, METRICS, block_losses, deal_blocks, row_losses

ROWS = 4000


def made_up(classes: int = 3, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=rows).astype(np.uint8)
    scores = rng.normal(size=(rows, classes))
    scores[np.arange(rows), labels] += 1
    probs = np.exp(scores)
    return probs / probs.sum(axis=1, keepdims=True), labels


def test_blocks_are_of_equal_size_and_the_same_each_time() -> None:
    blocks = deal_blocks(np.arange(ROWS))
    assert np.bincount(blocks, minlength=BLOCKS).tolist() == [ROWS // BLOCKS] * BLOCKS
    np.testing.assert_array_equal(blocks, deal_blocks(np.arange(ROWS)))


def test_rows_of_a_unit_share_a_block() -> None:
    units = np.repeat([900, 7, 31, 5], 10)
    blocks = deal_blocks(units)
    assert all(len(set(blocks[units == unit])) == 1 for unit in units)
    assert len(set(blocks)) == 4


@pytest.mark.parametrize("name", METRICS)
def test_their_mean_is_the_loss(name: str) -> None:
    metric, (probs, labels) = METRICS[name], made_up()
    found = block_losses(metric, probs, labels, deal_blocks(np.arange(ROWS)))
    assert found.mean() == pytest.approx(metric.loss(metric.value(probs, labels)))


def test_of_a_mean_over_rows_they_are_the_means_of_the_blocks() -> None:
    (probs, labels), blocks = made_up(), deal_blocks(np.arange(ROWS))
    losses = row_losses(probs, labels)
    expected = [losses[blocks == block].mean() for block in range(BLOCKS)]
    np.testing.assert_allclose(block_losses(METRICS["log_loss"], probs, labels, blocks), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["auc", "macro_f1", "quadratic_weighted_kappa"])
def test_their_standard_error_is_that_of_the_metric(name: str) -> None:
    """Over many draws of rows, the metric varies as the pseudo-values of one draw say."""
    metric, (probs, labels) = METRICS[name], made_up(rows=40 * ROWS)
    values = [metric.value(probs[n::40], labels[n::40]) for n in range(40)]
    errors = [
        block_losses(metric, probs[n::40], labels[n::40], deal_blocks(np.arange(ROWS))).std(ddof=1)
        for n in range(40)
    ]
    assert np.mean(errors) / BLOCKS**0.5 == pytest.approx(np.std(values, ddof=1), rel=0.3)


def test_a_block_without_rows_gets_the_loss() -> None:
    metric, (probs, labels) = METRICS["accuracy"], made_up()
    blocks = deal_blocks(np.arange(ROWS))
    blocks[blocks == 3] = 4
    found = block_losses(metric, probs, labels, blocks)
    assert found[3] - found[4] != 0
    assert found.mean() == pytest.approx(metric.loss(metric.value(probs, labels)))


def test_a_metric_without_a_value_on_the_other_rows_gets_the_loss() -> None:
    """AUC needs both classes; one block has the only rows of a class."""
    metric, (probs, labels) = METRICS["auc"], made_up(classes=2)
    blocks = deal_blocks(np.arange(ROWS))
    labels = (blocks == 0).astype(np.uint8)
    assert np.isfinite(block_losses(metric, probs, labels, blocks)).all()
