"""What the parts of an inspection conclude: keys of the configuration, lines for people, questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kit.task.labels import LabelEncoder

if TYPE_CHECKING:
    from collections import Counter

    from kit.config.competition import Form
    from kit.data.inspection.table import Table

Value = str | int | bool | None | tuple[str, ...] | tuple[int, ...] | dict[str, str]


@dataclass(frozen=True)
class Setting:
    """A key of the configuration, with dots, its value, and a comment for the same line of the file."""

    key: str
    value: Value
    comment: str = ""


@dataclass(frozen=True)
class Line:
    """A conclusion for people, as in "labels: 120 strings in labels.csv, column breed"."""

    topic: str
    text: str


@dataclass(frozen=True)
class Choice:
    """An answer: the word to type, and what it means."""

    word: str
    meaning: str


@dataclass(frozen=True)
class Question:
    """What the files do not say. The first choice is the default."""

    text: str
    choices: tuple[Choice, ...]

    @property
    def as_comment(self) -> str:
        """The question with its answers, in one line."""
        answers = ", or ".join(f"{one.word} ({one.meaning})" for one in self.choices)
        return f"{self.text} {answers}"


Ask = Callable[[Question], str | None]
"""Returns the word of the chosen answer; None if nobody can be asked."""


@dataclass(frozen=True)
class Training:
    """The training rows.

    Attributes:
        form: of the files.
        text: the form in words, with the names of files and columns.
        settings: keys of the configuration that follow.
        labels: number of rows of each label; of a sample of rows if `is_sampled`.
        labels_from: where the labels are, as in "in labels.csv, column breed".
        label_column: its name, if a table has one; the name of a prediction column is often the same.
        table: the training table; None for the forms folders and file_names.
        folder: of the training images; None for CSV files.
        names: of the rows, as written in the table, else those of the files; () for CSV files.
        files: paths of the training images; () for CSV files.
        shape: height, width and channels of the images of a CSV file.
        is_sampled: whether only a part of the rows was read.
    """

    form: Form
    text: str
    settings: tuple[Setting, ...]
    labels: Counter[str]
    labels_from: str
    label_column: str | None = None
    table: Table | None = None
    folder: str | None = None
    names: Sequence[str] = ()
    files: Sequence[str] = ()
    shape: tuple[int, int, int] | None = None
    is_sampled: bool = False

    @property
    def rows(self) -> int:
        """Number of training rows."""
        return sum(self.labels.values()) if self.table is None or not self.is_sampled else self.table.total

    @property
    def encoder(self) -> LabelEncoder:
        """The labels in the order of their classes."""
        return LabelEncoder.learned(self.labels)


@dataclass(frozen=True)
class Test:
    """The test rows: a line for people, the keys that follow, and the number of rows (0: none)."""

    text: str
    settings: tuple[Setting, ...]
    rows: int
