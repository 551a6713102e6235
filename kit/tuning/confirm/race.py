"""The race of a confirmation: rounds that choose a candidate, then its comparison with the baseline.

Most of the time goes to the candidate that is most likely better. The rounds and the comparison have seeds
and shuffles of their own, so luck with these does not help a candidate in its comparison. They share the
rows: see `kit.tuning.confirm.significance.SAME_ROWS`.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kit.records import Comparison, Replicate, ReplicateResult, Screened, mean_loss
from kit.tuning.confirm.candidates import BASELINE, SHORTEST
from kit.tuning.confirm.significance import LOOK_SHARES, compare, error_rate, look_rate

OVERRUN = 1.1
"""What is planned may be expected to take this multiple of the time left; what is still running after it is
ended."""
SCREENING = 1 / 3
"""Longest screening, as a share of the time."""
ROUNDS = 3
"""Most rounds of screening: 8 candidates, 4 and 2."""
MOST_SEEDS = 100
"""Most seeds of a comparison."""
Pair = tuple[str, Replicate]


class Trainer(Protocol):
    """Trains configurations in replicates; see `kit.tuning.confirm.replicates.ReplicateTrainer`."""

    def result(self, name: str, replicate: Replicate) -> ReplicateResult:
        """Return the result of a configuration in a replicate; one without a loss if it is missing."""

    def missing(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Return the pairs that are not trained yet, of configurations that have not failed."""

    def seconds(self, pairs: Iterable[Pair]) -> float:
        """Return an estimate of how long the missing ones take."""

    def train(self, pairs: Sequence[Pair], until: float | None = None) -> None:
        """Train the missing ones; those that are unfinished at `until` stay missing."""


class Listener(Protocol):
    """Receives what a race does."""

    def screening(self, trials: Sequence[int]) -> None:
        """A round trains these trials."""

    def comparing(self, trial: int, seeds: int) -> None:
        """A trial is compared with the baseline, with up to this number of seeds."""


@dataclass(frozen=True)
class Race:
    """A race under a time limit.

    Attributes:
        trainer: trains the candidates and the baseline.
        seeds: fresh ones: of the rounds, then of the comparisons.
        folds: number of folds of each shuffle.
        first: seeds until the first look; twice as many are planned without a deadline.
        deadline: by `time.monotonic`; None: no limit.
        listener: receives what it does.
    """

    trainer: Trainer
    seeds: Sequence[int]
    folds: int
    first: int
    deadline: float | None
    listener: Listener

    def screen(self, losses: Mapping[int, float]) -> list[Screened]:
        """Train trials in rounds, each with the better half of the last one; return them, best first.

        A round trains each once. It decides by the mean of all losses so far. With too little time, fewer
        trials take part, the best ones in the search.

        Args:
            losses: in the search, by number of the trial, best first.
        """
        alive, until = list(losses)[: self._screened(losses)], self._until()
        screened = {trial: Screened(trial=trial, losses=(), mean=loss) for trial, loss in losses.items()}
        for replicate in self._rounds():
            pairs = [(str(trial), replicate) for trial in alive]
            if len(alive) < 2:
                break
            self.listener.screening(alive)
            self.trainer.train(pairs, until)
            if self.trainer.missing(pairs):
                break
            for name, _ in pairs:
                before = screened[int(name)]
                found = (*before.losses, self.trainer.result(name, replicate).loss)
                mean = None if None in found else mean_loss((losses[int(name)], *found))
                screened[int(name)] = before.model_copy(update={"losses": found, "mean": mean})
            ranked = sorted(alive, key=lambda trial: _loss(screened[trial]))
            alive = [one for one in ranked if screened[one].mean is not None][: math.ceil(len(ranked) / 2)]
        return sorted(screened.values(), key=lambda one: (-len(one.losses), _loss(one)))

    def compare(self, trials: Iterable[int], before: Sequence[Comparison]) -> list[Comparison]:
        """Compare trials with the baseline, one after the other, until one is complete or time is up.

        A comparison has looks at 1, 2 and 4 times `first` seeds, and when its time ends. A trial that is
        better at a look is confirmed; one that looks no better is stopped, and the next one compared. The
        number of seeds depends on time only, never on the losses.

        Args:
            trials: by number, best first.
            before: the comparisons of earlier calls, in their order.

        Returns:
            Those of `before`, and the new ones.
        """
        known = {one.trial: one for one in before}
        compared = list(before)
        for trial in trials:
            old = known.get(trial)
            if old and old.status != "complete":
                continue
            planned = self._planned(trial)
            if not planned or (old and (old.better or planned * self.folds <= len(old.replicates))):
                break
            self.listener.comparing(trial, planned)
            # One that failed was not compared.
            rate = error_rate(sum(one.mean is not None for one in compared))
            found = self._compare(trial, planned, rate)
            if found is None:
                break
            compared.append(found)
            if found.status == "complete" or None in found.baseline_losses:
                break
        return compared

    def more_seconds(self, comparison: Comparison) -> float | None:
        """Return the estimated time until a trial is confirmed; None if it looks no better."""
        if comparison.needed is None or comparison.better:
            return None
        more = max(0, comparison.needed - len(comparison.replicates))
        # A hundred replicates that nobody has trained, as the measure of one.
        fresh = [Replicate(-1 - number, 0) for number in range(100)]
        pairs = [(name, one) for one in fresh for name in (BASELINE, str(comparison.trial))]
        return self.trainer.seconds(pairs) / 100 * more

    def _compare(self, trial: int, planned: int, rate: float) -> Comparison | None:
        """Return the comparison of a trial; None if time is up before SHORTEST seeds are trained."""
        until, look = self._until(), 0
        early = [self.first * 2**number for number in range(len(LOOK_SHARES))]
        while True:
            seeds = next((one for one in early[look:] if one < planned), planned)
            pairs = self._pairs(trial, seeds)
            self.trainer.train(pairs, until)
            late = bool(self.trainer.missing(pairs))
            done = self._finished(trial, seeds) if late else seeds
            if done < SHORTEST:
                return None
            # Trainings may have been faster than expected.
            planned = planned if late else max(planned, self._planned(trial))
            is_last = late or seeds == planned
            if not is_last and seeds not in early:
                continue
            found = self._look(trial, done, rate * look_rate(look, last=is_last))
            if is_last or found.better or found.status == "failed":
                return found
            if found.mean is None or found.mean >= 0:
                return found.model_copy(update={"status": "stopped"})
            look += 1

    def _look(self, trial: int, seeds: int, rate: float) -> Comparison:
        replicates = self._replicates(seeds)
        own = [self.trainer.result(str(trial), one) for one in replicates]
        return compare(
            trial, replicates, own, [self.trainer.result(BASELINE, one) for one in replicates], rate
        )

    def _rounds(self) -> Iterator[Replicate]:
        """Yield the replicate of each round; the rounds of a study are the same in every call."""
        for number, seed in enumerate(self.seeds[:ROUNDS]):
            yield Replicate(seed, number % self.folds)

    def _replicates(self, seeds: int) -> list[Replicate]:
        """Return the replicates of a comparison: every fold of the shuffle of each seed."""
        own = self.seeds[ROUNDS : ROUNDS + seeds]
        return [Replicate(seed, fold) for seed in own for fold in range(self.folds)]

    def _pairs(self, trial: int, seeds: int) -> list[Pair]:
        return [(name, one) for one in self._replicates(seeds) for name in (BASELINE, str(trial))]

    def _finished(self, trial: int, seeds: int) -> int:
        """Return how many of the first `seeds` are trained for the trial and the baseline."""
        return next(
            done for done in range(seeds, -1, -1) if not self.trainer.missing(self._pairs(trial, done))
        )

    def _left(self) -> float:
        return math.inf if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def _until(self) -> float | None:
        return None if self.deadline is None else time.monotonic() + OVERRUN * self._left()

    def _screened(self, losses: Mapping[int, float]) -> int:
        """Return how many trials can be screened, so that the shortest comparison fits after it."""
        left, trials = self._left(), list(losses)
        after = self.trainer.seconds(self._pairs(trials[0], SHORTEST))
        for count in range(len(trials), 1, -1):
            pairs, alive = list[Pair](), count
            for replicate in self._rounds():
                pairs += [(str(trial), replicate) for trial in trials[:alive] if alive > 1]
                alive = math.ceil(alive / 2)
            seconds = self.trainer.seconds(pairs)
            if seconds <= SCREENING * left and seconds + after <= left:
                return count
        return 1

    def _planned(self, trial: int) -> int:
        """Return the number of seeds of a comparison that fits into the time left; 0 if none does."""
        if self.deadline is None:
            return 2 * self.first
        left = self._left()
        most = min(MOST_SEEDS, len(self.seeds) - ROUNDS)
        fitting = [
            seeds
            for seeds in range(SHORTEST, most + 1)
            if self.trainer.seconds(self._pairs(trial, seeds)) <= (OVERRUN if seeds == SHORTEST else 1) * left
        ]
        return max(fitting, default=0)


def _loss(one: Screened) -> float:
    return math.inf if one.mean is None else one.mean
