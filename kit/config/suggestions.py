"""Keys that a mistyped key may mean."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from kit.config.keys import all_keys, type_of

SYNONYMS = {
    "augment": "augmentation",
    "augmentations": "augmentation",
    "amp": "precision",
    "batch": "batch_size",
    "batchnorm": "batch_norm",
    "bs": "batch_size",
    "channels": "filters",
    "data_dir": "directory",
    "dtype": "precision",
    "epoch": "epochs",
    "fold": "count",
    "folds": "count",
    "fp16": "precision",
    "group_column": "group",
    "groups": "group",
    "k": "count",
    "k_folds": "count",
    "kfold": "count",
    "kfolds": "count",
    "layers": "stages",
    "lr": "learning_rate",
    "lr_scheduler": "schedule",
    "n_estimators": "trees",
    "n_folds": "count",
    "n_neighbors": "neighbours",
    "n_splits": "count",
    "neurons": "head",
    "nfolds": "count",
    "num_epochs": "epochs",
    "num_folds": "count",
    "optim": "optimizer",
    "random_seed": "seeds",
    "random_state": "seeds",
    "rotate": "rotation",
    "scheduler": "schedule",
    "score": "metric",
    "scoring": "metric",
    "seed": "seeds",
    "splits": "count",
    "smoothing": "label_smoothing",
    "timeout": "minutes",
    "translate": "shift",
    "translation": "shift",
    "units": "head",
    "wd": "weight_decay",
}
"""Last parts of keys by names that are common elsewhere."""
ELSEWHERE = {
    "backend": "the environment variable KERAS_BACKEND chooses it",
    "device": "the environment variable CUDA_VISIBLE_DEVICES chooses it",
    "gpu": "the environment variable CUDA_VISIBLE_DEVICES chooses it",
    "gpus": "the environment variable CUDA_VISIBLE_DEVICES chooses it",
    "early_stopping": "the last epoch counts; training.epochs sets how many there are",
    "jobs": "it is an option: --jobs N",
    "n_jobs": "it is an option: --jobs N",
    "num_workers": "it is an option: --jobs N",
    "patience": "the last epoch counts; training.epochs sets how many there are",
    "run": "it is an option: --run NAME",
    "stratify": "folds are stratified already",
    "threads": "it is an option: --jobs N",
    "workers": "it is an option: --jobs N",
}
"""What sets, or why nothing sets, what has no key here."""
SIMILAR = 0.75
"""Lowest similarity of a last part, from 0 to 1 (`difflib.SequenceMatcher.ratio`)."""
CONTAINED = 0.2
"""Distance of a name that contains all words of a last part."""
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
    # Also for training/epochs, training__epochs and TRAINING[EPOCHS].
    plain = re.sub(r"[^\w.]+", ".", key.strip().lower().replace("-", "_")).strip(".")
    same = [one for one in known if _words(one) == _words(plain)]
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


def _words(key: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", key.lower()) if word]


def _distance(name: str, key: str) -> float:
    """Return how little `name` resembles the last part of `key`: 0 for the same or a synonym, to 1."""
    last = key.lower().rsplit(".", maxsplit=1)[-1]
    if name == last or SYNONYMS.get(name) in {last, key}:
        return 0.0
    typing_error = 1 - difflib.SequenceMatcher(None, name, last).ratio()
    # As in max_epochs, initial_lr and width_shift_range.
    words = _words(name)
    inside = {*_words(last)} <= {*words} or any(SYNONYMS.get(word) == last for word in words)
    return min(typing_error, CONTAINED) if inside else typing_error
