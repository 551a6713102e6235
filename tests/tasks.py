"""Tasks as a configuration states them."""

from typing import Any

from kit.config import Competition
from kit.task.labels import declared_labels
from kit.task.task import Task, make_task


def make(**competition: Any) -> Task:
    """Return the task of Digit Recognizer with some keys changed; labels must be stated."""
    made = Competition.model_validate(competition)
    labels = declared_labels(made)
    assert labels is not None
    return make_task(made, labels)
