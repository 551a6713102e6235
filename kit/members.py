"""Members: what they are, which ones a run consists of, and the bytes that carry a result."""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALL_ROWS = 127
"""The fold of a member that was trained on all rows; no real fold has this number (at most 100 folds)."""
ARRAYS = ("val_rows", "val_probs", "test_probs", "val_probs_tta", "test_probs_tta")
PARSING = threading.Lock()
"""Held while a thread reads arrays: before Python 3.11.8 and 3.12.2 two at once may fail (CPython 106905)."""


@dataclass(frozen=True, order=True)
class Member:
    """One trained model: its name, the fold that it did not see (or ALL_ROWS), and its seed."""

    model: str
    fold: int
    seed: int

    def __str__(self) -> str:
        fold = "all" if self.fold == ALL_ROWS else f"f{self.fold}"
        return f"{self.model}-{fold}-s{self.seed}"


def plan_members(models: Iterable[str], folds: int, seeds: Iterable[int], *, all_rows: bool) -> list[Member]:
    """Return the members of a run in the order of training: all of one seed before the next.

    Args:
        models: names of the models.
        folds: number of folds.
        seeds: one set of members per seed.
        all_rows: whether each model and seed has one more member, trained on all rows, after its folds.
    """
    numbers = [*range(folds), *([ALL_ROWS] if all_rows else [])]
    names = list(models)
    return [Member(model, fold, seed) for seed in seeds for model in names for fold in numbers]


@dataclass(frozen=True)
class MemberResult:
    """The result of training one member.

    Attributes:
        val_rows: (held-out rows,) int64, their 0-based indices in train.csv, ascending; empty with ALL_ROWS.
        val_probs: (held-out rows, classes) float32.
        test_probs: (test rows, classes) float32.
        history: JSON-able figures of the training: epochs, times in seconds, train accuracy, …
        network: the trained Keras model as the bytes of a .keras file; None for classical models.
        val_probs_tta, test_probs_tta: means over the views of test-time augmentation; None without it.
    """

    val_rows: NDArray[np.int64]
    val_probs: NDArray[np.float32]
    test_probs: NDArray[np.float32]
    history: dict[str, Any]
    network: bytes | None = None
    val_probs_tta: NDArray[np.float32] | None = None
    test_probs_tta: NDArray[np.float32] | None = None

    def with_views(self) -> "MemberResult":
        """Return the result with the test-time augmented predictions as its predictions, if it has them."""
        if self.val_probs_tta is None or self.test_probs_tta is None:
            return self
        return replace(self, val_probs=self.val_probs_tta, test_probs=self.test_probs_tta)


def pack(result: MemberResult) -> bytes:
    """Return a result's arrays and history as the bytes of an .npz, without its network."""
    buffer = BytesIO()
    arrays = {name: getattr(result, name) for name in ARRAYS}
    np.savez(
        buffer,
        **{name: array for name, array in arrays.items() if array is not None and len(array)},
        history=np.frombuffer(json.dumps(result.history).encode(), np.uint8),
    )
    return buffer.getvalue()


def unpack(content: bytes, network: bytes | None = None) -> MemberResult:
    """Return what `pack` packed."""
    with PARSING, np.load(BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in ARRAYS if name in file}
        history = json.loads(file["history"].tobytes())
    # A member trained on all rows has no held-out rows.
    empty = {name.replace("test", "val"): array[:0] for name, array in arrays.items() if "test" in name}
    empty["val_rows"] = np.empty(0, np.int64)
    return MemberResult(**{**empty, **arrays}, history=history, network=network)
