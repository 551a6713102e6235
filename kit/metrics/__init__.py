"""Metrics: their values, intervals and paired comparisons. Nothing else names one."""

from kit.metrics.auc import Auc
from kit.metrics.blocks import BLOCKS, block_losses, deal_blocks
from kit.metrics.classification import (
    Accuracy,
    LogLoss,
    MicroF1,
    accuracy,
    count_errors,
    log_loss,
    row_losses,
)
from kit.metrics.confusion import BalancedAccuracy, MacroF1, QuadraticWeightedKappa
from kit.metrics.diversity import disagreement, error_correlation, row_disagreement
from kit.metrics.intervals import (
    Z95,
    Difference,
    Interval,
    expected_score,
    mean_sd,
    normal_interval,
    share_intervals,
    student_interval,
    wilson,
)
from kit.metrics.label_errors import LabelErrorEstimate, find_label_errors
from kit.metrics.metric import Decide, Metric, most_probable
from kit.metrics.multiple import holm, normal_p
from kit.metrics.paired import McNemar, bootstrap_means, discordant_interval, mcnemar, paired_bootstrap
from kit.metrics.reliability import Bin, CalibrationError, ece, reliability_bins

METRICS: dict[str, Metric] = {
    one.name: one
    for one in (
        Accuracy(),
        LogLoss(),
        Auc(),
        MicroF1(),
        MacroF1(),
        QuadraticWeightedKappa(),
        BalancedAccuracy(),
    )
}
"""By the name that `competition.metric` and `tune.metric` give them."""
HITS, LOSS = METRICS["accuracy"], METRICS["log_loss"]
"""What every report shows whatever the metric: the share of correct rows, and the loss of training."""

__all__ = [
    "BLOCKS",
    "HITS",
    "LOSS",
    "METRICS",
    "Z95",
    "Bin",
    "CalibrationError",
    "Decide",
    "Difference",
    "Interval",
    "LabelErrorEstimate",
    "McNemar",
    "Metric",
    "accuracy",
    "block_losses",
    "bootstrap_means",
    "count_errors",
    "deal_blocks",
    "disagreement",
    "discordant_interval",
    "ece",
    "error_correlation",
    "expected_score",
    "find_label_errors",
    "holm",
    "log_loss",
    "mcnemar",
    "mean_sd",
    "most_probable",
    "normal_interval",
    "normal_p",
    "paired_bootstrap",
    "reliability_bins",
    "row_disagreement",
    "row_losses",
    "share_intervals",
    "student_interval",
    "wilson",
]
