"""Who writes a folder: a record beside the system's lock, which names the holder in messages.

The record also protects a folder that several hosts share on a file system whose locks each host keeps for
itself (NFS with `local_lock`, many FUSE file systems). Its holder renews the record's modification time.
Another host compares two of these times with each other, never with its own clock. Where a host has no locks
at all, the record does not replace them: two hosts could take over one record at the same time.
"""

import json
import os
import platform
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from kit import locks
from kit.errors import UserError
from kit.masking import masked
from kit.os_errors import name_file
from kit.typed import in_python

NAME = "lock.json"
"""The record of the process that writes a folder."""
BEAT_SECONDS = 3.0
"""Time between two renewals of a record."""
WATCH_SECONDS = 7.5
"""Time after which a record that was not renewed belongs to a dead process: two beats, and some delay."""


@dataclass(frozen=True)
class Holder:
    """A process that writes a folder.

    Attributes:
        host: name of its machine.
        boot: identifies the start of the machine's system; empty if the system has no such id.
        namespace: of the process number; containers on one machine differ in it. 0 if unknown.
        pid: number of the process.
        started: start of the process in clock ticks since the boot; empty if unknown.
        since: local time at which it took the lock (ISO 8601), for people only.
        command: what the user typed, secrets masked; empty in a notebook.
    """

    host: str
    boot: str
    namespace: int
    pid: int
    started: str
    since: str
    command: str

    @classmethod
    def current(cls) -> "Holder":
        """Return this process as a holder from now on."""
        command = "" if in_python.get() else shlex.join(["kit", *map(masked, sys.argv[1:])])
        return cls(
            host=platform.node(),
            boot=_boot(),
            namespace=_namespace(),
            pid=os.getpid(),
            started=_started(os.getpid()),
            since=datetime.now().astimezone().isoformat(timespec="seconds"),
            command=command,
        )

    def __str__(self) -> str:
        command = f" ({self.command})" if self.command else ""
        return f"process {self.pid} on {self.host}, since {self.since[11:16]}{command}"

    def is_dead(self) -> bool:
        """Return whether this process can tell that the holder ended; False also if it cannot tell."""
        here = (platform.node(), _boot(), _namespace())
        if (self.host, self.boot, self.namespace) != here:
            return False
        # A record of this process is left from an earlier block: its lock excludes its own threads too.
        return self.pid == os.getpid() or not self.started or _started(self.pid) != self.started


def read(folder: Path) -> Holder | None:
    """Return the holder that a folder's record names; None if there is no record, or it is damaged."""
    try:
        holder = Holder(**json.loads((folder / NAME).read_text(encoding="utf-8")))
        datetime.fromisoformat(holder.since)
        return holder if isinstance(holder.pid, int) else None
    except (OSError, ValueError, TypeError):
        return None


def is_held(folder: Path) -> bool | None:
    """Return whether a process writes the folder now; None if that cannot be determined.

    Takes up to `WATCH_SECONDS` if another host left a record in the folder.
    """
    held = locks.held(folder)
    return is_alive(folder) if held is False else held


def is_alive(folder: Path) -> bool:
    """Return whether a record's holder still renews it, for a folder whose lock is free on this host.

    A record of this host's own dead process is recognised at once; others are watched for `WATCH_SECONDS`.
    """
    holder, renewed = read(folder), _renewed(folder)
    if renewed is None or (holder is not None and holder.is_dead()):
        return False
    return _is_renewed(folder, renewed)


@contextmanager
def claimed(folder: Path, *, held: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Record this process as the one that writes `folder` in the block.

    Args:
        folder: what is written.
        held: whether this process got the folder's lock.
        say: receives a line before a foreign record is watched, and one if it is taken over.

    Raises:
        UserError: another process writes the folder.
        OSError: the record cannot be written.
    """
    if not held:
        raise _refusal(folder)
    path, before = folder / NAME, read(folder)
    if path.exists() and not (before and before.is_dead()):
        name = str(before or "an unknown process")
        say(f"looking for {WATCH_SECONDS:.0f} s whether {name} still writes {folder}")
        if is_alive(folder):
            raise _refusal(folder)
        say("it does not: its lock is taken over")
    path.unlink(missing_ok=True)
    holder, ended = Holder.current(), threading.Event()
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(asdict(holder), indent=2) + "\n")
    except FileExistsError:  # Another host was faster.
        raise _refusal(folder) from None
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            name_file(error, path)
        raise

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            with suppress(OSError):  # The folder vanished or became read-only: its next writer reports that.
                os.utime(path)

    threading.Thread(target=beat, name="kit-holder", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        if read(folder) == holder:
            with suppress(OSError):
                path.unlink()


def _refusal(folder: Path) -> UserError:
    holder = read(folder)
    what = "another process is writing this run"
    return UserError(
        f"{what}: {holder}" if holder else what,
        where=str(folder),
        hint="wait for it, or choose another name",
    )


@cache  # A record that was not renewed once is not watched again.
def _is_renewed(folder: Path, renewed: int) -> bool:
    end = time.monotonic() + WATCH_SECONDS
    while time.monotonic() < end:
        time.sleep(BEAT_SECONDS / 10)
        if _renewed(folder) != renewed:
            return _renewed(folder) is not None
    return False


def _renewed(folder: Path) -> int | None:
    """Return the record's modification time in nanoseconds; None if there is no record.

    The file is opened, since NFS may answer from its cache otherwise.
    """
    try:
        with (folder / NAME).open("rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""  # Not Linux.


@cache
def _namespace() -> int:
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _started(pid: int) -> str:
    """Return when a process started, in clock ticks since the boot; empty if it ended or that is unknown."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # After the name of the program, in parentheses, which may contain spaces.
        fields = status.rpartition(")")[2].split()
        return "" if fields[0] in {"Z", "X"} else fields[19]
    except (OSError, IndexError):
        return ""
