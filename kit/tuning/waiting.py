"""Trials of other processes: wait for each as long as it sends heartbeats."""

import time
from collections.abc import Mapping

from kit.tuning.storage import GRACE, HEARTBEAT

SILENCE = float(GRACE + HEARTBEAT)
"""Seconds without a heartbeat, by this process's monotonic clock, after which a trial is given up.

Optuna detects a lost trial of kit before that, but neither one that `ask` began in another program, nor any
after the computer's clock was set back.
"""


class RemoteTrials:
    """The running trials of other processes, and when the heartbeat of each last changed."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[object, float]] = {}

    def active(self, heartbeats: Mapping[int, object]) -> dict[int, bool]:
        """Return the trials to wait for, and whether each ever sent a heartbeat.

        Args:
            heartbeats: the latest one of each running trial by number; None if there was none.
        """
        now = time.monotonic()
        for number, sign in heartbeats.items():
            if number not in self._seen or self._seen[number][0] != sign:
                self._seen[number] = sign, now
        return {
            number: sign is not None
            for number, sign in heartbeats.items()
            if now - self._seen[number][1] < SILENCE
        }
