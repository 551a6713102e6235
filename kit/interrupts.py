"""Turn Ctrl-C, SIGTERM and SIGHUP into one KeyboardInterrupt, raised only where it is safe.

The second signal means now: the command gets a moment to finish cleaning up, and then ends at once.
"""

import _thread
import atexit
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, ClassVar, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN_SECONDS = 0.05
"""Time until an interrupt that was lost is raised again."""
_GRACE = 0.5
"""Seconds from the second signal until the process ends: a closing terminal sends SIGHUP twice at once."""
_LAST_SECONDS = 0.3
"""Seconds, at most, of the steps before that end."""


class _State:
    """What the signal handlers know; they exist once per process, as signals do.

    Attributes:
        installed: whether the second signal ends this process; a notebook's kernel must go on.
        received: number of signals so far.
        last_steps: called before the process ends at once.
    """

    installed = False
    received = 0
    last_steps: ClassVar[list[Callable[[], object]]] = []


def at_once(step: Callable[[], object]) -> None:
    """Let `step` run if a second signal ends this process at once, from a thread; errors are ignored."""
    _State.last_steps.append(step)


def install() -> None:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP too; the second signal ends the process (exit code 130).

    Signals that this process already ignores (started with `nohup`, or in the background) stay ignored.
    """
    if not _State.installed:
        atexit.register(_ignore_first)  # The first to be registered is the last to be called.
    _State.installed, _State.received = True, 0
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
    """Ignore the next signal: the process is about to exit, and its results are written."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _count)


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

    def defer(signum: int, frame: FrameType | None) -> None:
        nonlocal received
        _count(signum, frame)
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


def _ignore_first() -> None:
    """Ignore a first signal: Python is about to restore the default actions, which end the process.

    A second one still ends it at once.
    """
    if not _State.received:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    _count(signum, frame)
    if _State.received == 1:  # A second one would end the cleaning up after the first.
        raise KeyboardInterrupt


def _count(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
    _State.received += 1
    if _State.installed and _State.received == 2:
        signal.signal(signal.SIGALRM, _end)
        signal.setitimer(signal.ITIMER_REAL, _GRACE)


def _end(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the handler's signature
    """End the process although it is still cleaning up: files are complete or absent at every moment."""
    ended: queue.SimpleQueue[None] = queue.SimpleQueue()

    def take_steps() -> None:
        for step in _State.last_steps:
            with suppress(Exception):
                step()
        ended.put(None)

    # A step may wait for a disk that hangs. `threading` would use locks that the interrupted code may hold.
    _thread.start_new_thread(take_steps, ())
    with suppress(queue.Empty):
        ended.get(timeout=_LAST_SECONDS)
    with suppress(OSError):  # After SIGHUP there is no terminal.
        os.write(2, b"kit: ended at once; finished work is stored: rerun the same command to continue\n")
    os._exit(130)


def _interrupt_again(unraisable: "UnraisableHookArgs") -> None:
    """Repeat an interrupt that came in a destructor or in a callback of a weak reference.

    Python ignores exceptions there: it would print a traceback, and continue.
    """
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return

    def again(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)
        _State.received = 0
        signal.raise_signal(signal.SIGINT)  # The handler of SIGINT, which a block may have deferred.

    # Not at once: it would be ignored again here.
    before = signal.signal(signal.SIGALRM, again)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
