"""Time and highest memory of a command, with all processes that it starts.

`python -m tests.benchmarks.peak COMMAND …` runs the command, and then prints seconds and the highest sum of
the processes' memory (PSS: a page that several processes share counts once), measured 5 times per second.
"""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_SECONDS = 0.2


def measured(command: Sequence[str]) -> tuple[int, float, int, int]:
    """Return exit code, seconds, the highest memory in bytes, and that without pages of files."""
    started, peak, own = time.monotonic(), 0, 0
    process = subprocess.Popen(command)
    while process.poll() is None:
        memory, anonymous = _memory(process.pid)
        peak, own = max(peak, memory), max(own, anonymous)
        time.sleep(_SECONDS)
    return process.returncode, time.monotonic() - started, peak, own


def _memory(root: int) -> tuple[int, int]:
    """Return the bytes of a process and of all below it: all of them, and those that no file holds."""
    memory = anonymous = 0
    with suppress(psutil.Error):
        parent = psutil.Process(root)
        for process in [parent, *parent.children(recursive=True)]:
            with suppress(OSError):
                text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
                sizes = {name: int(size) for name, size in re.findall(r"(\w+): +(\d+) kB", text)}
                memory += 1024 * sizes.get("Pss", 0)
                anonymous += 1024 * sizes.get("Anonymous", 0)
    return memory, anonymous


if __name__ == "__main__":
    code, seconds, memory, anonymous = measured(sys.argv[1:])
    text = f"{seconds:.0f} s, {memory / 1e9:.2f} GB, {anonymous / 1e9:.2f} GB without pages of files"
    print(text, file=sys.stderr)  # noqa: T201 - the result
    sys.exit(code)
