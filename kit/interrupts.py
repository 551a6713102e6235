"""Ctrl-C, SIGTERM and SIGHUP, each as one KeyboardInterrupt at a moment where it does no harm."""

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def install() -> None:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP too.

    What this process was started to ignore (with `nohup`, or in the background of a script) stays ignored.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def ignore() -> None:
    """Ignore them from now on: the process is about to exit, and its result is out."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def deferred(wake: Callable[[], object] = lambda: None) -> Iterator[Callable[[float], None]]:
    """Let no signal interrupt the code of the block, except where it asks for it.

    A KeyboardInterrupt between taking a lock and releasing it would break the lock, or leave it taken for
    ever. If the block does not ask before it ends, leaving it raises the KeyboardInterrupt.

    Args:
        wake: called in the signal handler: it must not take a lock. `queue.SimpleQueue.put` takes none.

    Yields:
        A function that waits for so many seconds, and raises KeyboardInterrupt as soon as there was a signal.
    """
    signals: queue.SimpleQueue[None] = queue.SimpleQueue()

    def pause(seconds: float) -> None:
        with suppress(queue.Empty):
            signals.get(timeout=seconds)
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield pause  # Other threads receive no signals.
        return
    received = False

    def note(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
        nonlocal received
        received = True
        signals.put(None)
        wake()

    before = {number: signal.getsignal(number) for number in SIGNALS}
    # A signal that ends the process, or is ignored, stays so.
    before = {number: handler for number, handler in before.items() if callable(handler)}
    for number in before:
        signal.signal(number, note)
    try:
        yield pause
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt


def is_interrupt(error: BaseException | None) -> bool:
    """Say whether `error` is a KeyboardInterrupt, or was raised while one was handled."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the handler's signature
    raise KeyboardInterrupt
