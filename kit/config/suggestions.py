"""Keys that a mistyped key may mean."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from kit.config.keys import all_keys, type_of

SYNONYMS = {
    "augment": "augmentation",
    "batch": "batch_size",
    "batchnorm": "batch_norm",
    "bs": "batch_size",
    "channels": "filters",
    "data_dir": "directory",
    "fold": "count",
    "folds": "count",
    "k": "count",
    "k_folds": "count",
    "kfold": "count",
    "layers": "stages",
    "lr": "learning_rate",
    "lr_scheduler": "schedule",
    "n_estimators": "trees",
    "n_folds": "count",
    "n_neighbors": "neighbours",
    "n_splits": "count",
    "nfolds": "count",
    "num_epochs": "epochs",
    "num_folds": "count",
    "random_seed": "seeds",
    "rotate": "rotation",
    "scheduler": "schedule",
    "score": "metric",
    "scoring": "metric",
    "seed": "seeds",
    "smoothing": "label_smoothing",
    "timeout": "minutes",
    "translate": "shift",
    "translation": "shift",
    "units": "head",
    "wd": "weight_decay",
}
"""Last parts of keys by names that are common elsewhere."""
SIMILAR = 0.65
"""Lowest similarity of a last part, from 0 to 1 (`difflib.SequenceMatcher.ratio`)."""
MOST = 3
"""Most keys that are suggested."""


def similar_keys(
    key: str, models: Mapping[str, Any], siblings: Sequence[str] = (), *, exact: bool = False
) -> list[str]:
    """Return the keys that `key` may mean, the most likely first; at most three.

    Keys match by their last part: the same, a synonym, or a similar one. Then those count that share most of
    the other parts, and are the shortest.

    Args:
        key: a dotted key that does not exist.
        models: the section `models`, not validated.
        siblings: the keys of its section, which may be an element of a list.
        exact: whether the last part must be the same or a synonym, and the key no section.
    """
    keys = [one.path for one in all_keys(models) if not (exact and one.type.below)]
    known = list(dict.fromkeys([*keys, *siblings]))
    plain = key.strip().strip(".").lower().replace("-", "_")
    same = [one for one in known if one.lower().replace("-", "_") == plain]
    if same:
        return same
    *parents, last = plain.split(".")
    ranked = sorted(
        (
            round(_distance(last, one), 2),
            -len({*parents} & {*one.lower().split(".")[:-1]}),
            one.count("."),
            place,
        )
        for place, one in enumerate(known)
        if _distance(last, one) <= (0 if exact else 1 - SIMILAR)
    )
    best = [known[place] for distance, shared, *_, place in ranked if (distance, shared) == ranked[0][:2]]
    # An override of one model is not suggested besides the default of all.
    return [one for one in best if not any(one.endswith(f".{other}") for other in best)][:MOST]


def did_you_mean(names: Sequence[str]) -> str:
    """Return "; did you mean 'a', 'b' or 'c'?"; "" without names."""
    quoted = [f"{one!r}" for one in names]
    text = " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
    return f"; did you mean {text}?" if text else ""


def fitting_key(section: type[BaseModel], value: Any) -> str | None:
    """Return the first key of a section that may have `value`; None if there is none."""
    for name, field in section.model_fields.items():
        if not type_of(field).below and _fits(field.rebuild_annotation(), value):
            return name
    return None


def _fits(annotation: Any, value: Any) -> bool:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True


def _distance(name: str, key: str) -> float:
    """Return how little `name` resembles the last part of `key`: 0 for the same or a synonym, to 1."""
    last = key.lower().rsplit(".", maxsplit=1)[-1]
    meant = SYNONYMS.get(name)
    if name == last or meant in {last, key}:
        return 0.0
    return 1 - difflib.SequenceMatcher(None, name, last).ratio()
