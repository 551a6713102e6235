"""Make a virtual environment; install packages with pip and show what is happening, in a few lines.

Usage: python tools/install.py --venv FOLDER
       python tools/install.py PYTHON PIP-ARGUMENT…

The Makefile calls this; it needs only Python's standard library. On a terminal one line is redrawn every
second; elsewhere there is a line for each large package, and one every 10 s. Errors of pip are shown whole.
"""

from __future__ import annotations

import queue
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

LARGE = 50.0
"""Megabytes from which a package has its own line."""
SILENCE = 10.0
"""Seconds after which a line says what is happening, where no line can be redrawn."""
UNITS = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


class Progress:
    """What venv or pip has done so far, by its output.

    Attributes:
        packages: number of packages to install.
        megabytes: total size of the packages that were downloaded or found in pip's cache.
        doing: what happens now.
    """

    def __init__(self, doing: str, site: Path) -> None:
        self.packages, self.megabytes, self.doing = 0, 0.0, doing
        self._site = site
        self._began, self._shown, self._found = time.monotonic(), 0.0, 0
        self._redraws = sys.stderr.isatty()

    def read(self, line: str) -> None:
        """Take one line of pip's output."""
        found = re.search(r"(Downloading|Using cached) ([^\s/]+?)-(\d[^\s-]*)-\S+ \(([\d.]+) (\w+)\)", line)
        if found:
            size = float(found[4]) * UNITS.get(found[5], 0.0)
            self.megabytes += size
            self._found += 1
            verb = "downloading" if found[1] == "Downloading" else "unpacking"
            large = f"{found[2]} {found[3]} ({size:.0f} MB)"
            self.doing = f"{verb} {large if size >= LARGE else f'package {self._found}'}"
            if size >= LARGE and not self._redraws:
                self.show()
        elif line.startswith("Installing collected packages:"):
            self.packages = line.count(",") + 1
            self.doing = f"installing {self.packages} packages"
            if not self._redraws:
                self.show()

    def tick(self) -> None:
        """Show what is happening, if it is time."""
        if self._redraws or time.monotonic() - self._shown >= SILENCE:
            self.show()

    def show(self) -> None:
        """Write the present line."""
        self._shown = time.monotonic()
        done = ""
        if self.packages:
            number = len(list(self._site.glob("*.dist-info")))
            done = f", {min(number, self.packages)} done"
        text = f"  {self.doing}{done}, {self._seconds():.0f} s"
        sys.stderr.write(f"\r\033[K{text[:79]}" if self._redraws else f"{text}\n")
        sys.stderr.flush()

    def end(self, code: int) -> None:
        """Write the last line."""
        if self._redraws:
            sys.stderr.write("\r\033[K")
        if code == 0 and self.packages:
            size = f" ({self.megabytes:.0f} MB)" if self.megabytes else ""
            sys.stderr.write(f"Installed {self.packages} packages{size} in {self._seconds():.0f} s.\n")

    def _seconds(self) -> float:
        return time.monotonic() - self._began


def install(python: str, arguments: list[str]) -> int:
    """Run pip of the environment of `python`; return its exit code."""
    site = next(iter(Path(python).parent.parent.glob("lib/python*/site-packages")), Path())
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    return follow([*pip, *arguments], Progress("looking up packages", site))


def follow(command: list[str], progress: Progress) -> int:
    """Run a command and show its progress; return the exit code."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines: queue.Queue[str] = queue.Queue()
    errors: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    output, faults = process.stdout, process.stderr

    def read() -> None:
        for line in output:
            lines.put(line)

    readers = [
        threading.Thread(target=read, daemon=True),
        threading.Thread(target=lambda: errors.extend(faults), daemon=True),
    ]
    for reader in readers:
        reader.start()
    progress.tick()
    try:
        while process.poll() is None or not lines.empty():
            with suppress(queue.Empty):
                progress.read(lines.get(timeout=1.0).strip())
            progress.tick()
        for reader in readers:
            reader.join()
    except KeyboardInterrupt:
        process.wait()
        progress.end(130)
        raise
    progress.end(process.returncode)
    if process.returncode:
        sys.stderr.writelines(errors)
        return 1
    return 0


def make_environment(folder: str) -> int:
    """Make a virtual environment, in place of an unfinished one; return the exit code."""
    return follow([sys.executable, "-m", "venv", "--clear", folder], Progress(f"creating {folder}", Path()))


def _interrupt(*_: object) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A second Ctrl-C would end in a traceback.
    raise KeyboardInterrupt


def main() -> int:
    """Do what the arguments say; return the exit code, 130 after an interrupt."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        if sys.argv[1] == "--venv":
            return make_environment(sys.argv[2])
        return install(sys.argv[1], sys.argv[2:])
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command starts the installation again\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
