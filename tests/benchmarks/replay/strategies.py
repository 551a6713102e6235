"""The strategies that the replay compares: how a study searches, and how it confirms."""

from collections.abc import Sequence
from typing import Literal

from kit.records.base import Record
from kit.tuning.confirm.budget import RESERVE
from kit.tuning.confirm.candidates import CANDIDATES
from kit.tuning.confirm.race import ROUNDS
from kit.tuning.confirm.significance import LOOK_SHARES, SAME_ROWS, SHARE
from kit.tuning.sampling import FIRST_TRIALS

ROWS, EPOCHS = 42_000, 20
"""Rows of the competition, and epochs of a full training."""
STARTUP, TRAIN_ROW, PREDICT_ROW = 5.0, 0.15e-3, 0.04e-3
"""Seconds of starting a worker, and of one row in training and in prediction, on one core. A recorded
training, 10 epochs of 21,000 rows each, then takes 40 s; 39 to 42 s were measured on idle cores."""

Sampler = Literal["tpe", "tpe-group", "tpe-univariate", "random", "cma-es"]
Pruner = Literal["none", "median", "quartile", "halving", "hyperband"]


class Search(Record):
    """How a study searches.

    Attributes:
        sampler: Optuna's.
        start: where the first trials are: near the baseline, or anywhere.
        start_trials: number of these, after the baseline.
        pruner: Optuna's.
        split: number of folds; a trial holds one out.
        watched: rows that are predicted after each epoch; 0: all that are held out.
        epoch_share: share of the epochs of a trial.
        rows: most training rows, and most held-out rows; 0: all.
        bias: standard deviation, over configurations, of what a short trial changes in the log loss.
    """

    sampler: Sampler = "tpe"
    start: Literal["near", "random"] = "near"
    start_trials: int = FIRST_TRIALS
    pruner: Pruner = "none"
    split: int = 2
    watched: int = 4000
    epoch_share: float = 1.0
    rows: int = 0
    bias: float = 0.0

    @property
    def trained(self) -> int:
        """Rows that a trial trains on."""
        every = ROWS - ROWS // self.split
        return min(every, self.rows or every)

    @property
    def held_out(self) -> int:
        """Rows that a trial predicts at its end."""
        return min(ROWS // self.split, self.rows or ROWS)

    @property
    def watched_rows(self) -> int:
        """Rows that a trial predicts after each epoch."""
        return min(self.held_out, self.watched or self.held_out)

    @property
    def training_seconds(self) -> float:
        """Seconds of the epochs of a trial."""
        epoch = self.trained * TRAIN_ROW + self.watched_rows * PREDICT_ROW
        return EPOCHS * self.epoch_share * epoch

    @property
    def last_seconds(self) -> float:
        """Seconds of the prediction at the end of a trial."""
        return self.held_out * PREDICT_ROW if self.watched else 0.0


class Confirming(Record):
    """How a study confirms.

    Attributes:
        kind: the race of kit, or the comparison of three candidates before it.
        reserve: share of the time.
        candidates, rounds, fewest, same_rows, share, looks: of the race; see `kit.tuning.confirm`.
    """

    kind: Literal["race", "t interval"] = "race"
    reserve: float = RESERVE
    candidates: int = CANDIDATES
    rounds: int = ROUNDS
    fewest: int = 3
    same_rows: float = SAME_ROWS
    share: float = SHARE
    looks: tuple[float, ...] = LOOK_SHARES


class Strategy(Record):
    """A way to spend the time of a study."""

    name: str
    search: Search = Search()
    confirming: Confirming = Confirming()

    def varied(self, field: str, text: str) -> "Strategy":
        """Return the strategy with another value of one field of its search or its confirmation.

        Args:
            field: its name.
            text: the value; several numbers are joined by "/", and "none" is no number.

        Raises:
            ValueError: there is no such field, or it has no such value.
        """
        fields = (*Search.model_fields, *Confirming.model_fields)
        if field not in fields:
            raise ValueError(f"no field {field}; fields: {', '.join(fields)}")
        value = [one for one in text.split("/") if one != "none"] if field == "looks" else text
        name, search, confirming = f"{self.name}, {field} {text}", self.search, self.confirming
        if field in Search.model_fields:
            search = Search.model_validate(search.model_dump() | {field: value})
        else:
            confirming = Confirming.model_validate(confirming.model_dump() | {field: value})
        return Strategy(name=name, search=search, confirming=confirming)


PRESENT = Strategy(
    name="present",
    search=Search(start="random", start_trials=5, pruner="median", split=5, watched=0),
    confirming=Confirming(kind="t interval", reserve=0.25),
)
"""That of kit before the race."""
NEW = Strategy(name="new")
STRATEGIES = (
    PRESENT,
    NEW,
    Strategy(name="new search", confirming=PRESENT.confirming),
    Strategy(name="new confirmation", search=PRESENT.search),
    Strategy(name="random", search=Search(sampler="random")),
)


def named(names: Sequence[str]) -> list[Strategy]:
    """Return the strategies of these names.

    Raises:
        ValueError: there is no such strategy.
    """
    known = {one.name: one for one in STRATEGIES}
    if unknown := set(names) - known.keys():
        raise ValueError(f"no strategy {', '.join(sorted(unknown))}; strategies: {', '.join(known)}")
    return [known[name] for name in names]
