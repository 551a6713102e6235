"""Turn Ctrl-C, SIGTERM and SIGHUP into one KeyboardInterrupt, raised only where it is safe."""

import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN_SECONDS = 0.05
"""Time until an interrupt that was lost is raised again."""


def install() -> None:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP too.

    Signals that this process already ignores (started with `nohup`, or in the background) stay ignored.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _interrupt_again


@contextmanager
def repeated() -> Iterator[None]:
    """Raise an interrupt again that Python ignores within the block; for a process without `install`."""
    before, sys.unraisablehook = sys.unraisablehook, _interrupt_again
    try:
        yield
    finally:
        sys.unraisablehook = before


def ignore() -> None:
    """Ignore these signals from now on: the process is about to exit, and its results are written."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def deferred(wake: Callable[[], object] = lambda: None) -> Iterator[Callable[[float], None]]:
    """Defer signals until the block calls the yielded function or ends.

    A KeyboardInterrupt between acquiring and releasing a lock would break the lock, or never release it.

    Args:
        wake: called in the signal handler, so it must not acquire a lock; `queue.SimpleQueue.put` does not.

    Yields:
        A function that waits for the given seconds, and raises KeyboardInterrupt once a signal was received.

    Raises:
        KeyboardInterrupt: at the end of the block, if a signal was received.
    """
    signals: queue.SimpleQueue[None] = queue.SimpleQueue()

    def pause(seconds: float) -> None:
        with suppress(queue.Empty):
            signals.get(timeout=seconds)
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield pause  # Only the main thread receives signals.
        return
    received = False

    def defer(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
        nonlocal received
        received = True
        signals.put(None)
        wake()

    before = {number: signal.getsignal(number) for number in SIGNALS}
    # Default actions and ignored signals are left unchanged.
    before = {number: handler for number, handler in before.items() if callable(handler)}
    for number in before:
        signal.signal(number, defer)
    try:
        yield pause
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt


def is_interrupt(error: BaseException | None) -> bool:
    """Return whether `error` is a KeyboardInterrupt, or was raised while one was handled."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the handler's signature
    raise KeyboardInterrupt


def _interrupt_again(unraisable: "UnraisableHookArgs") -> None:
    """Repeat an interrupt that came in a destructor or in a callback of a weak reference.

    Python ignores exceptions there: it would print a traceback, and continue.
    """
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return

    def again(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)  # The handler of SIGINT, which a block may have deferred.

    # Not at once: it would be ignored again here.
    before = signal.signal(signal.SIGALRM, again)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
