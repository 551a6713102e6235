"""Labels of any kind (integers with gaps, text) to class indices 0 … classes - 1, and back."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition

MOST = 256
"""Class indices are stored as bytes."""
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
"""As Python writes an integer: no sign of plus, no leading zeros, no decimal point."""


@dataclass(frozen=True)
class LabelEncoder:
    """The labels of a task, as written in its files.

    Attributes:
        labels: the label of class 0, 1, …
    """

    labels: tuple[str, ...]

    @classmethod
    def learned(cls, found: Iterable[str]) -> "LabelEncoder":
        """Return the encoder of the distinct labels in `found`: in numeric order if all are integers."""
        distinct = set(found)
        integers = all(map(_INTEGER.fullmatch, distinct))
        return cls(tuple(sorted(distinct, key=int) if integers else sorted(distinct)))

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def are_integers(self) -> bool:
        """Whether every label is an integer."""
        return all(map(_INTEGER.fullmatch, self.labels))

    @cached_property
    def are_bytes(self) -> bool:
        """Whether every label is an integer from 0 to 255, which the vectorised CSV reader can parse."""
        return self.are_integers and all(0 <= int(label) <= 255 for label in self.labels)

    @cached_property
    def index(self) -> dict[str, int]:
        """The class index of each label."""
        return {label: index for index, label in enumerate(self.labels)}

    def find(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return (rows,) int64: the class index of each text, -1 if it is not a label.

        If the labels are integers, leading zeros of a text do not count.
        """
        found = np.array([*map(self.index.get, texts, repeat(-1))], np.int64)
        if self.are_integers:
            for row in np.flatnonzero(found < 0).tolist():
                if re.fullmatch(r"0+[0-9]+", texts[row], re.ASCII):
                    found[row] = self.index.get(texts[row].lstrip("0") or "0", -1)
        return found

    def decode(self, classes: NDArray[np.integer]) -> list[str]:
        """Return the label of each class index of (rows,)."""
        return [self.labels[index] for index in classes.tolist()]

    @property
    def summary(self) -> str:
        """The labels for a message, on one short line."""
        if self.labels == tuple(map(str, range(len(self)))):
            return f"an integer from 0 to {len(self) - 1}"
        shown = ", ".join(label[:20] for label in self.labels[:5])
        return f"one of {len(self)} labels: {shown}" + (", …" if len(self) > 5 else "")


def declared_labels(competition: Competition) -> LabelEncoder | None:
    """Return the labels that the configuration states; None if they are learned from train.csv."""
    if competition.labels == "auto":
        return None
    if competition.labels is not None:
        return LabelEncoder(competition.labels)
    return LabelEncoder(tuple(map(str, range(competition.classes or 0))))
