"""The whole configuration surface, as pydantic models; YAML files with `extends`; `--set a.b=c`."""

from kit.config.files import find, load, shipped, validate
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

__all__ = [
    "Augmentation",
    "BatchNorm",
    "Blend",
    "Cnn",
    "Competition",
    "Config",
    "Data",
    "Folds",
    "KNearest",
    "LogisticRegression",
    "Model",
    "RandomForest",
    "Stage",
    "Svm",
    "Training",
    "find",
    "load",
    "merged",
    "shipped",
    "validate",
]
