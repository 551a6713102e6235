"""Members: what they are, what they leave, and the bytes that carry a result."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALL_ROWS = 127
"""In place of the fold of a member that saw every row; no fold has this number (there are at most 100)."""
ARRAYS = ("val_rows", "val_probs", "test_probs", "val_probs_tta", "test_probs_tta")
PARSING = threading.Lock()
"""Held where threads read arrays: before Python 3.11.8 and 3.12.2 two at once may fail (CPython 106905)."""


@dataclass(frozen=True, order=True)
class Member:
    """One trained thing: a model, the fold it did not see (or ALL_ROWS), and the seed."""

    model: str
    fold: int
    seed: int

    def __str__(self) -> str:
        fold = "all" if self.fold == ALL_ROWS else f"f{self.fold}"
        return f"{self.model}-{fold}-s{self.seed}"


def plan_members(models: Sequence[str], folds: int, seeds: Sequence[int], *, all_rows: bool) -> list[Member]:
    """Return the members of a run in the order of training: all of one seed before the next.

    Args:
        models: by name.
        folds: their number.
        seeds: one member per model, fold and seed.
        all_rows: whether one more member per model and seed is trained on all rows.
    """
    parts = [*range(folds), *([ALL_ROWS] if all_rows else [])]
    return [Member(model, fold, seed) for seed in seeds for model in models for fold in parts]


@dataclass(frozen=True)
class MemberResult:
    """What one member leaves.

    Attributes:
        val_rows: (held-out rows,) int64, their 0-based places in train.csv, ascending; none with ALL_ROWS.
        val_probs: (held-out rows, classes) float32.
        test_probs: (test rows, classes) float32.
        history: figures of the training, JSON-able: epochs, times, train accuracy, …
        network: the trained Keras model as the bytes of a .keras file; None for other kinds.
        val_probs_tta, test_probs_tta: the same as the means over views; None without test-time augmentation.
    """

    val_rows: NDArray[np.int64]
    val_probs: NDArray[np.float32]
    test_probs: NDArray[np.float32]
    history: dict[str, Any]
    network: bytes | None = None
    val_probs_tta: NDArray[np.float32] | None = None
    test_probs_tta: NDArray[np.float32] | None = None

    def with_views(self) -> "MemberResult":
        """Return the result with the means over views in place of the plain predictions, if it has them."""
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
    # A member trained on all rows has nothing of held-out ones.
    empty = {name.replace("test", "val"): array[:0] for name, array in arrays.items() if "test" in name}
    empty["val_rows"] = np.empty(0, np.int64)
    return MemberResult(**{**empty, **arrays}, history=history, network=network)
