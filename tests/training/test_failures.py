import signal

import pytest

from kit.training import failures
from kit.training.failures import OutOfMemoryError, lost
from kit.training.memory import Memory

MEMBER = "cnn-f0-s0"


def test_signal_9_suggests_memory_and_fewer_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "memory", lambda: Memory(16.0, 0.5, "limit of this container"))
    assert str(lost(MEMBER, -signal.SIGKILL, "")) == (
        "cnn-f0-s0: its worker was killed (signal 9), as the system does when memory runs out\n"
        "0.5 GiB memory (limit of this container; the machine has 16.0); "
        "train one member at a time: --jobs 1"
    )


def test_signal_9_by_the_kernel_for_lack_of_memory_is_said_to_be_so() -> None:
    error = lost(MEMBER, -signal.SIGKILL, "", killed_for_memory=True)
    assert isinstance(error, OutOfMemoryError)
    assert "and the kernel killed a process for lack of memory meanwhile" in error.what


def test_signal_9_by_somebody_else_is_no_lack_of_memory() -> None:
    error = lost(MEMBER, -signal.SIGKILL, "", killed_for_memory=False)
    assert not isinstance(error, OutOfMemoryError)
    assert "but not by the kernel for lack of memory" in error.what


def test_signal_4_names_the_missing_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "missing_instructions", lambda: ["sse4_2", "avx"])
    assert str(lost(MEMBER, -signal.SIGILL, "")) == (
        "cnn-f0-s0: its worker used an instruction that this CPU lacks (signal 4): "
        "the CPU lacks sse4_2, avx\nuse another machine, or set KERAS_BACKEND to another backend"
    )


def test_a_failed_allocation_suggests_memory_too() -> None:
    log = "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n"
    error = lost(MEMBER, -signal.SIGABRT, log)
    assert error.what == "cnn-f0-s0: its worker ran out of memory (what():  std::bad_alloc)"
    assert "--jobs 1" in (error.hint or "")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGSEGV, "its worker was ended by signal 11, SIGSEGV (the last line)"),
        (-signal.SIGBUS, "its worker was ended by signal 7, SIGBUS (the last line)"),
        (-64, "its worker was ended by signal 64"),
        (3, "its worker ended with code 3 (the last line)"),
    ],
)
def test_any_other_end_is_named_with_the_last_line_of_the_log(code: int, words: str) -> None:
    assert str(lost(MEMBER, code, "first\nthe last line\n\n")).startswith(f"cnn-f0-s0: {words}")


def test_notes_of_tensorflow_are_not_shown() -> None:
    log = "I0000 00:00:1 cudart_stub.cc:31] Could not find cuda drivers on your machine\n"
    assert str(lost(MEMBER, -signal.SIGSEGV, log)) == "cnn-f0-s0: its worker was ended by signal 11, SIGSEGV"
