"""Runs `kit` many times, each time in a fork of this process, with one failing write call.

Start it with the library of tests/injection.c preloaded. One line of JSON on stdin is an `Order`; the line on
stdout is the exit code. Forks share the imported modules, so that a command takes a fraction of a second.
"""

import ctypes
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import kit.cli
from kit.training.launch import local


@dataclass(frozen=True)
class Order:
    """One command.

    Attributes:
        arguments: of `kit`.
        folder: working directory; write calls below it are counted.
        outside: folder of the files stdout, stderr, calls and modules; not below `folder`.
        worker: script that serves as the training worker; None: kit's own.
        environment: variables that are added.
        at: number of the call that fails, from 1; 0: none.
        error: its errno.
        lasting: whether later calls that need space fail too, as on a full disk.
    """

    arguments: list[str]
    folder: str
    outside: str
    worker: str | None
    environment: dict[str, str]
    at: int = 0
    error: int = 0
    lasting: bool = False


def main() -> None:
    """Carry out the orders on stdin."""
    for line in sys.stdin:
        order = Order(**json.loads(line))
        child = os.fork()
        if not child:
            _run(order)
        _, status = os.waitpid(child, 0)
        with suppress(FileNotFoundError):
            for name in (Path(order.outside) / "modules").read_text().split():
                _import(name)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _import(name: str) -> None:
    if name not in sys.modules:
        with suppress(Exception):
            import_module(name)


def _run(order: Order) -> NoReturn:
    outside = Path(order.outside)
    os.chdir(order.folder)
    os.environ |= order.environment
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(outside / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["kit", *order.arguments]
    if order.worker:
        local.LocalLauncher.__init__.__defaults__ = ([sys.executable, "-I", "-S", order.worker],)
    library: Any = ctypes.CDLL(None)
    log = os.open(outside / "calls", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    library.injection_arm(os.fsencode(order.folder), order.at, order.error, order.lasting, log)
    try:
        kit.cli.main()
    finally:
        if not order.at:
            (outside / "modules").write_text(
                "\n".join(name for name in sys.modules if "__main__" not in name)
            )


if __name__ == "__main__":
    main()
