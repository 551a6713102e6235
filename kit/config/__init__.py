"""The whole configuration surface, as pydantic models; YAML files with `extends`; `--set a.b=c`."""

from kit.config.files import find, load, resolve, shipped, validate
from kit.config.models import (
    Augmentation,
    BatchNorm,
    Cnn,
    KNearest,
    LogisticRegression,
    Model,
    RandomForest,
    Stage,
    Svm,
    Training,
)
from kit.config.root import Competition, Config, Data, Ensemble, Folds, MetricName, merged
from kit.config.tune import Choices, Dimension, FloatRange, IntRange, Tune

__all__ = [
    "Augmentation",
    "BatchNorm",
    "Choices",
    "Cnn",
    "Competition",
    "Config",
    "Data",
    "Dimension",
    "Ensemble",
    "FloatRange",
    "Folds",
    "IntRange",
    "KNearest",
    "LogisticRegression",
    "MetricName",
    "Model",
    "RandomForest",
    "Stage",
    "Submission",
    "Svm",
    "Training",
    "Tune",
    "find",
    "load",
    "merged",
    "resolve",
    "shipped",
    "validate",
]
