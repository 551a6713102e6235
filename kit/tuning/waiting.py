"""How long trials are waited for that run elsewhere: as long as they give signs of life."""

import time
from collections.abc import Mapping
from typing import Any

from kit.tuning.storage import GRACE, HEARTBEAT

SILENCE = float(GRACE + HEARTBEAT)
"""Seconds without a sign of life, by this process's monotonic clock, after which a trial is not waited for.

Optuna knows before then that a trial of kit is lost; but not of one that `ask` began in another program, nor
of any after the computer's clock was set back.
"""


class RemoteTrials:
    """The running trials of other processes, and when each was last seen to change its sign of life."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Any, float]] = {}

    def active(self, signs: Mapping[int, Any]) -> dict[int, bool]:
        """Return the trials that are worth waiting for, and whether each ever gave a sign of life.

        Args:
            signs: of the running trials by number: the latest; None where there never was one.
        """
        now = time.monotonic()
        for number, sign in signs.items():
            if number not in self._seen or self._seen[number][0] != sign:
                self._seen[number] = sign, now
        return {
            number: sign is not None
            for number, sign in signs.items()
            if now - self._seen[number][1] < SILENCE
        }
