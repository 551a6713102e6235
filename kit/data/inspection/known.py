"""What the files of well-known competitions do not say: above all the metric."""

from dataclasses import dataclass

from kit.config import MetricName
from kit.task.format import Predicts


@dataclass(frozen=True)
class Known:
    """A competition or a data set on Kaggle.

    Attributes:
        metric: that Kaggle scores by; for a data set, which has no submission, the usual one.
        format: what a submission holds.
        label: column with the label, where a table has several that could be.
        positive: label whose probability is submitted, if it is not the second one.
        pixels_by_column: whether the images of a CSV file are transposed.
        digits: whether its images are like those that the configuration `default` is made for.
    """

    metric: MetricName
    format: Predicts = "label"
    label: str | None = None
    positive: str | None = None
    pixels_by_column: bool = False
    digits: bool = False


_AUC = Known("auc", "probability")
_LOG_LOSS = Known("log_loss", "probabilities")
KNOWN: dict[str, Known] = {
    "digit-recognizer": Known("accuracy", digits=True),
    "Kannada-MNIST": Known("accuracy", digits=True),
    "fashionmnist": Known("accuracy"),
    "fashion-mnist": Known("accuracy"),
    "sign-language-mnist": Known("accuracy"),
    "az-handwritten-alphabets-in-csv-format": Known("accuracy"),
    "emnist": Known("accuracy", pixels_by_column=True),
    "skin-cancer-mnist-ham10000": Known("accuracy"),
    "fer2013": Known("accuracy"),
    "challenges-in-representation-learning-facial-expression-recognition-challenge": Known("accuracy"),
    "cifar-10": Known("accuracy"),
    "dogs-vs-cats": Known("accuracy"),
    "dogs-vs-cats-redux-kernels-edition": Known("log_loss", "probability", positive="dog"),
    "aerial-cactus-identification": _AUC,
    "plant-seedlings-classification": Known("micro_f1"),
    "histopathologic-cancer-detection": _AUC,
    "cassava-leaf-disease-classification": Known("accuracy"),
    "plant-pathology-2020-fgvc7": Known("auc", "probabilities"),
    "leaf-classification": _LOG_LOSS,
    "state-farm-distracted-driver-detection": _LOG_LOSS,
    "dog-breed-identification": _LOG_LOSS,
    "invasive-species-monitoring": _AUC,
    "paddy-disease-classification": Known("accuracy", label="label"),
    "aptos2019-blindness-detection": Known("quadratic_weighted_kappa"),
    "siim-isic-melanoma-classification": Known("auc", "probability", label="target"),
}
"""By the name in the address on Kaggle."""

_SPELLINGS = {slug.lower(): slug for slug in KNOWN}


def spelled(slug: str) -> str:
    """Return the name of a known competition as Kaggle spells it, other names unchanged."""
    return _SPELLINGS.get(slug.lower(), slug)


def known_for(slug: str) -> Known | None:
    """Return what is known of a competition."""
    return KNOWN.get(spelled(slug))
