"""The time of one call of `kit tune`: how much the search has, so that the confirmation has enough.

The first trial, the configuration itself, measures the speed of this machine. The time of a confirmation is
reserved first; the search has the rest.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kit.config import Config
from kit.reports.study.figures import seconds_of
from kit.tuning.confirm.candidates import BASELINE, replicate_costs, shortest

if TYPE_CHECKING:
    from optuna.study import Study

    from kit.tuning.space import Space

RESERVE, LONGEST_RESERVE = 0.5, 0.6
"""Share of the time that is reserved for the confirmation, and the largest one if its shortest form needs
more."""
REPORT_SHARE = 0.05
"""Share of the time for the report and its page: 12 of 240 seconds. They take 3 seconds on an idle core, 16
on a core that four processes share."""
LONGEST_REPORT = 30.0
"""Most seconds for the report."""


class ProgressListener(Protocol):
    """Receives what the budget finds."""

    def too_short(self, needed: float, limit: float, enough: float) -> None:
        """The shortest confirmation takes `needed` seconds, which do not fit into the `limit` of this call.

        A limit of `enough` seconds leaves time for the search, too. Faster trials may shorten the estimate
        later.
        """


def enough_seconds(needed: float) -> float:
    """Return the time limit with which a call can search, and confirm in `needed` seconds."""
    return needed / LONGEST_RESERVE


@dataclass
class Budget:
    """Divides the time of a call between search and confirmation.

    Attributes:
        study: its trials measure the speed.
        config: the baseline.
        space: the search space.
        jobs: number of parallel trainings.
        started: start of the call, by `time.monotonic`.
        seconds: time limit of the call; None: no limit.
        listener: receives `too_short`, once.
    """

    study: "Study"
    config: Config
    space: "Space"
    jobs: int
    started: float
    seconds: float | None
    listener: ProgressListener
    _possible: bool | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def deadline(self) -> float | None:
        """When the confirmation must end, by `time.monotonic`; None: no limit."""
        if self.seconds is None:
            return None
        return self.started + self.seconds - min(REPORT_SHARE * self.seconds, LONGEST_REPORT)

    def search_ends(self) -> float:
        """Return when the search must end, by `time.monotonic`; may be called from any thread."""
        if self.seconds is None or self.deadline is None:
            return float("inf")
        with self._lock:
            return self.deadline - self._reserve(self.seconds)

    def _reserve(self, limit: float) -> float:
        """Return the seconds of the confirmation."""
        costs = replicate_costs(self.study, self.config, self.space, self.jobs)
        needed, found = shortest(costs, self.config, self.jobs), bool(costs.keys() - {BASELINE})
        if needed is None:
            return 0.0  # Until the first trial is complete, the speed is unknown.
        if not self._possible:
            left = (self.deadline or 0.0) - time.monotonic()
            is_possible = needed + (0.0 if found else self._trial_seconds()) <= left
            if self._possible is None and not is_possible:
                self.listener.too_short(needed, limit, enough_seconds(needed))
            self._possible = is_possible
        if not self._possible:
            return 0.0
        # Keep searching while a candidate found now could still be confirmed.
        return max(RESERVE * limit, needed) if found else needed

    def _trial_seconds(self) -> float:
        """Return the duration of the first trial; 0 if others were trained at the same time."""
        taken = (seconds_of(one) for one in self.study.get_trials(deepcopy=False))
        return next((seconds for seconds in taken if seconds), 0.0) if self.jobs == 1 else 0.0
