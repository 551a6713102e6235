"""`kit cv` in a real terminal of 80 x 24."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
PHASES = ["loading TensorFlow", "compiling", "epoch 1 of 2", "epoch 2 of 2", "predicting"]


def shown(command: list[str]) -> str:
    """Return everything that a command writes to a terminal, without escape sequences."""
    driver, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=env | {"TERM": "xterm"}
    )
    os.close(terminal)
    parts = []
    with suppress(OSError):  # Linux's answer when the other end is closed
        while part := os.read(driver, 65536):
            parts.append(part)
    os.close(driver)
    assert process.wait() == 0, parts
    return ESCAPES.sub("", b"".join(parts).decode(errors="replace"))


@pytest.mark.slow
def test_a_run_shows_every_stage_and_each_member_passes_through_its_phases(workdir: Path) -> None:
    del workdir
    less = ["--set", "training.epochs=2", "--set", "models.cnn.width=0.25"]
    text = shown([sys.executable, "-m", "kit", "cv", "-c", "quick", "--run", "mine", "--jobs", "1", *less])
    stages = ["loading kit", "reading train.csv and test.csv", "cnn-f0-s0", "combining the members"]
    stages += ["computing the figures", "drawing the page", "OOF accuracy"]
    # A fast machine may draw nothing of a stage of a tenth of a second.
    drawn = [stage for stage in stages if stage in text]
    assert {"loading kit", "cnn-f0-s0", "drawing the page", "OOF accuracy"} <= set(drawn)
    assert drawn == sorted(drawn, key=text.find)
    for member in ("cnn-f0-s0", "cnn-f1-s0"):
        seen = re.findall(rf"{member} ({'|'.join(PHASES)})", text)
        assert list(dict.fromkeys(seen)) == [phase for phase in PHASES if phase in seen]
        assert {"loading TensorFlow", "compiling"} <= set(seen)
        assert re.search(rf"{member}: trained in [\d.]+ s, held-out accuracy [\d.]+ %", text)
    assert re.search(r"member +now +progress +time accuracy", text)
