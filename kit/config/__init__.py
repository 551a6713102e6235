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
from kit.config.root import Blend, Competition, Config, Data, Folds, merged
from kit.config.tune import Choices, Dimension, FloatRange, IntRange, Tune

__all__ = [
    "Augmentation",
    "BatchNorm",
    "Blend",
    "Choices",
    "Cnn",
    "Competition",
    "Config",
    "Data",
    "Dimension",
    "FloatRange",
    "Folds",
    "IntRange",
    "KNearest",
    "LogisticRegression",
    "Model",
    "RandomForest",
    "Stage",
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
