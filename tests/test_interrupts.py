import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kit import interrupts
from kit.interrupts import SIGNALS, deferred, is_interrupt, repeated


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    hook, sys.unraisablehook = sys.unraisablehook, sys.__unraisablehook__
    interrupts.install()
    yield
    # A second signal ends the process a moment later.
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)


def started(code: str) -> Any:
    """Start Python with its output in pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


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


HANGS = """
import sys, time
from pathlib import Path
from kit import interrupts
interrupts.install()
interrupts.at_once(lambda: 1 / 0)
interrupts.at_once(lambda: print("last step", flush=True))
try:
    print("ready", flush=True)
    time.sleep(600)
finally:
    print("cleaning", flush=True)
    time.sleep({seconds})
    print("clean", flush=True)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_signal_ends_a_process_whose_cleaning_hangs(number: signal.Signals) -> None:
    with started(HANGS.format(seconds=600)) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "cleaning\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "last step\n")
    assert err == "kit: ended at once; finished work is stored: rerun the same command to continue\n"


def test_the_second_signal_lets_cleaning_end_that_takes_a_moment() -> None:
    with started(HANGS.format(seconds=0.1)) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "cleaning\n"
        process.send_signal(signal.SIGHUP)
        out, _ = process.communicate(timeout=60)
    assert out == "clean\n"


def test_the_second_signal_does_not_end_a_process_without_the_handlers_of_the_command_line() -> None:
    code = """
import signal
from kit.interrupts import deferred
try:
    with deferred():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print(signal.getitimer(signal.ITIMER_REAL))
"""
    with started(code) as process:
        assert process.communicate(timeout=60)[0] == "(0.0, 0.0)\n"
