"""Task: what the competition asks, as all code above the data sees it."""

from dataclasses import dataclass

from kit.config import Competition
from kit.errors import UserError
from kit.metrics import METRICS
from kit.task.format import SubmissionFormat, make_format
from kit.task.labels import LabelEncoder


@dataclass(frozen=True)
class Task:
    """What the competition asks.

    Attributes:
        slug: the competition's name in its address on Kaggle.
        labels: the labels and their class indices.
        submission: columns and predictions of a submission.
        public_rows: number of test rows behind the public score; None: all.
    """

    slug: str
    labels: LabelEncoder
    submission: SubmissionFormat
    public_rows: int | None

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.labels)


def make_task(competition: Competition, labels: LabelEncoder) -> Task:
    """Return the task of a configuration with known labels.

    Args:
        competition: its section of the configuration.
        labels: stated in the configuration (`declared_labels`), learned from train.csv, or stored in a run.

    Raises:
        UserError: the submission format does not fit the labels.
    """
    return Task(
        competition.slug,
        labels,
        make_format(competition, labels),
        competition.public_rows,
    )


def check_metric(competition: Competition, labels: LabelEncoder) -> None:
    """Check that the metric can be computed from the submission, and fits the labels.

    Args:
        competition: its section of the configuration.
        labels: the task's labels.

    Raises:
        UserError: a metric of probabilities for a submission of labels; or a metric of classes in order for
            labels whose order is unknown.
    """
    metric = METRICS[competition.metric]
    if metric.needs == "probabilities" and competition.submission.format == "label":
        raise UserError(
            f"{metric.title} is computed from probabilities, but the submission holds labels",
            where="competition.submission.format",
            expected="probability or probabilities" if len(labels) == 2 else "probabilities",
            received="label",
            hint="if Kaggle wants labels, correct competition.metric instead",
        )
    if metric.ordered and competition.labels == "auto" and not labels.are_integers:
        raise UserError(
            f"the order of the labels is unknown, on which {metric.title} depends",
            where="competition.labels",
            expected="a list of the labels, the lowest first",
            received=f"auto, with {', '.join(labels.labels[:5])}" + ", …" * (len(labels) > 5),
        )
