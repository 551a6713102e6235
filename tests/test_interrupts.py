import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from kit import interrupts
from kit.interrupts import SIGNALS, deferred, is_interrupt, repeated


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    hook, sys.unraisablehook = sys.unraisablehook, sys.__unraisablehook__
    interrupts.install()
    yield
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_raises_keyboard_interrupt(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        send(number)


def test_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.install()
    send(signal.SIGHUP)
    with deferred() as pause:
        send(signal.SIGHUP)
        pause(0)


@pytest.mark.parametrize("number", SIGNALS)
def test_deferred_signal_is_raised_when_the_block_ends(number: signal.Signals) -> None:
    steps = []

    def block() -> None:
        with deferred():
            send(number)
            send(number)
            steps.append("complete")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert steps == ["complete"]


def test_deferred_signal_calls_wake() -> None:
    woken: queue.SimpleQueue[str] = queue.SimpleQueue()

    def block() -> None:
        with deferred(lambda: woken.put("signal")):
            threading.Timer(0.05, send).start()
            assert woken.get(timeout=60) == "signal"

    with pytest.raises(KeyboardInterrupt):
        block()


def test_signal_ends_a_pause() -> None:
    steps = []

    def block() -> None:
        with deferred() as pause:
            pause(0)
            steps.append("before")
            threading.Timer(0.05, send).start()
            pause(60)
            steps.append("after")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert steps == ["before"]


def test_error_of_the_block_is_raised() -> None:
    def block() -> None:
        with deferred():
            send()
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        block()


def test_handlers_are_restored_after_the_block() -> None:
    with deferred():
        pass
    with pytest.raises(KeyboardInterrupt):
        send()


def test_error_raised_while_handling_an_interrupt_is_an_interrupt() -> None:
    def broken() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            threading.Lock().release()

    with pytest.raises(RuntimeError) as error:
        broken()
    assert is_interrupt(error.value)
    assert not is_interrupt(RuntimeError())


class Interrupted:
    """Receives a signal in its destructor, where Python ignores exceptions."""

    def __del__(self) -> None:
        send()


def delete() -> None:
    one = Interrupted()
    del one
    time.sleep(10)


def test_an_interrupt_in_a_destructor_is_raised_soon(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        delete()
    assert capfd.readouterr().err == ""


def test_an_interrupt_in_a_destructor_is_raised_soon_without_the_handlers_of_the_command_line() -> None:
    sys.unraisablehook = sys.__unraisablehook__
    handler = signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyboardInterrupt), repeated():
        delete()
    assert sys.unraisablehook is sys.__unraisablehook__
    assert signal.getsignal(signal.SIGALRM) is handler


def test_another_exception_in_a_destructor_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    class Faulty:
        def __del__(self) -> None:
            raise ValueError("faulty")

    one = Faulty()
    del one
    assert "ValueError: faulty" in capfd.readouterr().err
