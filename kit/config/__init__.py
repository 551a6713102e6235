"""Configuration: pydantic models, YAML files with `extends`, and changes with `--set a.b=c`."""

from kit.config.base import MetricName
from kit.config.competition import Competition
from kit.config.files import find, load, resolve, shipped, validate
from kit.config.models import ClassicalModel, KNearest, LogisticRegression, Model, Network, RandomForest, Svm
from kit.config.networks import BatchNorm, Cnn, ResNet, Stage
from kit.config.pretrained import Pretrained
from kit.config.root import Config, Data, Ensemble, Folds, Group, Image, merged
from kit.config.source import Source
from kit.config.training import Augmentation, Training
from kit.config.tune import Choices, Dimension, FloatRange, IntRange, Tune

__all__ = [
    "Augmentation",
    "BatchNorm",
    "Choices",
    "ClassicalModel",
    "Cnn",
    "Competition",
    "Config",
    "Data",
    "Dimension",
    "Ensemble",
    "FloatRange",
    "Folds",
    "Group",
    "Image",
    "IntRange",
    "KNearest",
    "LogisticRegression",
    "MetricName",
    "Model",
    "Network",
    "Pretrained",
    "RandomForest",
    "ResNet",
    "Source",
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
