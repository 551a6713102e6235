"""Task: what the competition asks, as all code above the data sees it."""

from dataclasses import dataclass

from kit.config import Competition
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
