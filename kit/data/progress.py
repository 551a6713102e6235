"""What is shown while data is read."""

import time
from collections.abc import Callable

Stage = Callable[[str], None]
"""Receives what takes time, as in "reading train.csv and test.csv in data/"."""
_SECONDS = 1.0


def ignore(text: str) -> None:
    """Ignore the progress."""
    del text


class Reading:
    """Says which part of a file is read, at most once per second."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage, self._name, self._said = stage, name, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Take the number of bytes that are read, and of all."""
        now = time.monotonic()
        if now - self._said >= _SECONDS:
            self._said = now
            self._stage(f"reading {self._name}, {100 * done // total} %")


class Decoding:
    """Says how many images are decoded, and the remaining time."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._began = stage, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Take the number of decoded images, and of all."""
        seconds = time.monotonic() - self._began
        left = f", {seconds * (total - done) / done:,.0f} s left" if done and seconds > 2 else ""
        self._stage(f"decoding images: {done:,} of {total:,}{left}")
