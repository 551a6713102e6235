"""Members: plan, result, and serialisation of a result."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

from kit.arrays import opened_arrays
from kit.lazy import LazyModule
from kit.records import History

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray
else:
    np = LazyModule("numpy")

ALL_ROWS = 127
"""Fold number of a member that was trained on all rows; real folds are below 100."""
ARRAYS = ("val_rows", "val_probs", "test_probs", "val_probs_tta", "test_probs_tta")
PARSING = threading.Lock()
"""Held while a thread reads arrays: before Python 3.11.8 and 3.12.2 two at once may fail (CPython 106905)."""


@dataclass(frozen=True, order=True)
class Member:
    """One trained model: the model's name, the fold that it did not see (or ALL_ROWS), and the seed."""

    model: str
    fold: int
    seed: int

    def __str__(self) -> str:
        fold = "all" if self.fold == ALL_ROWS else f"f{self.fold}"
        return f"{self.model}-{fold}-s{self.seed}"


def plan_members(models: Iterable[str], folds: int, seeds: Iterable[int], *, all_rows: bool) -> list[Member]:
    """Return the members of a run, one per model, fold and seed, in training order: seed by seed.

    Args:
        models: names.
        folds: number of folds.
        seeds: training seeds.
        all_rows: whether to add one member per model and seed that is trained on all rows.

    Raises:
        ValueError: a model or a seed would make a path of a member's file: run.json may come from elsewhere.
    """
    names, numbers = list(models), list(seeds)
    if any("/" in name or name.startswith(".") for name in names):
        raise ValueError("a model's name is a path")
    if not all(isinstance(seed, int) for seed in numbers):
        raise ValueError("a seed is not an integer")
    parts = [*range(folds), *([ALL_ROWS] if all_rows else [])]
    return [Member(model, fold, seed) for seed in numbers for model in names for fold in parts]


@dataclass(frozen=True)
class MemberResult:
    """Predictions and training history of one member.

    Attributes:
        val_rows: (held-out rows,) int64, 0-based row numbers in train.csv, ascending; empty for ALL_ROWS.
        val_probs: (held-out rows, classes) float32.
        test_probs: (test rows, classes) float32.
        history: figures of the training.
        network: the trained Keras model, the bytes of a .keras file; None for other kinds of models.
        val_probs_tta, test_probs_tta: means over views; None without test-time augmentation.
    """

    val_rows: NDArray[np.int64]
    val_probs: NDArray[np.float32]
    test_probs: NDArray[np.float32]
    history: History
    network: bytes | None = None
    val_probs_tta: NDArray[np.float32] | None = None
    test_probs_tta: NDArray[np.float32] | None = None

    def with_views(self) -> MemberResult:
        """Return the result with predictions replaced by the means over views, if it has them."""
        if self.val_probs_tta is None or self.test_probs_tta is None:
            return self
        return replace(self, val_probs=self.val_probs_tta, test_probs=self.test_probs_tta)


def pack(result: MemberResult) -> bytes:
    """Return a result's arrays and history, without its network, as the bytes of an .npz file."""
    buffer = BytesIO()
    given = {name: array for name in ARRAYS if (array := getattr(result, name)) is not None}
    np.savez(
        buffer,
        **{name: array for name, array in given.items() if len(array) or "test" in name},
        history=np.frombuffer(result.history.model_dump_json().encode(), np.uint8),
    )
    return buffer.getvalue()


def unpack(content: bytes, network: bytes | None = None) -> MemberResult:
    """Return the result that `pack` serialised.

    Raises:
        kit.damage.ARRAY_ERRORS: the bytes are damaged; see `opened_arrays`.
    """
    with PARSING, opened_arrays(content) as file:
        arrays = {name: file[name] for name in ARRAYS if name in file}
        history = History.model_validate(json.loads(file["history"].tobytes()))
    # A member trained on all rows has no held-out rows.
    empty = {name.replace("test", "val"): array[:0] for name, array in arrays.items() if "test" in name}
    empty["val_rows"] = np.empty(0, np.int64)
    return MemberResult(**{**empty, **arrays}, history=history, network=network)
