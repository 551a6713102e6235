"""Processes that a Dask worker starts for members, each on a device, and keeps while others may follow."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from kit.training.failures import WorkerLostError
from kit.training.launch import devices
from kit.training.launch.base import DataFolder, Device
from kit.training.launch.local import LocalLauncher, LocalWorker

CHECK = 0.5
"""Seconds between two looks whether the driver still wants the result."""
IDLE = 20.0
"""Seconds after which a process that got no other member ends: its driver was killed."""
_used, _lock = Counter[Device](), threading.Lock()


@dataclass
class Kept:
    """A process that waits for another member of the same owner.

    Attributes:
        process: the process.
        device: what it computes on.
        timer: ends it.
    """

    process: LocalWorker
    device: Device
    timer: threading.Timer | None = None

    def end(self) -> None:
        """End the process, and free its device."""
        self.process.close()
        with _lock:
            _used[self.device] -= 1


_kept: dict[str, Kept] = {}


@contextmanager
def process_of(owner: str, command: tuple[str, ...], backend: str, data: DataFolder) -> Iterator[LocalWorker]:
    """Give the process of an owner, started if there is none; kept afterwards unless it is lost.

    Args:
        owner: identifies a worker of the driver, whose members all have the same backend and data.
        command: the program.
        backend: Keras's.
        data: the arrays.
    """
    current = _taken(owner) or _started(command, backend, data)
    try:
        yield current.process
    except WorkerLostError:
        current.end()
        raise
    except BaseException as error:
        if isinstance(error, Exception):
            _keep(owner, current)
        else:
            current.end()
        raise
    _keep(owner, current)


def end(owner: str) -> None:
    """End the process of an owner, if there is one."""
    if (kept := _taken(owner)) is not None:
        kept.end()


@contextmanager
def ended_with_task(process: LocalWorker, worker: Any, key: str) -> Iterator[None]:
    """Kill the process once nobody waits for its result: the member was stopped, or the driver has ended.

    Args:
        process: trains the member.
        worker: the Dask worker.
        key: of the task.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(CHECK):
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled":
                process.kill()
                return

    watching = threading.Thread(target=watch, name="kit-task", daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


@cache
def _launcher(command: tuple[str, ...]) -> LocalLauncher:
    return LocalLauncher(command)


def _started(command: tuple[str, ...], backend: str, data: DataFolder) -> Kept:
    """Start a process on the GPU with the fewest processes of this worker, or on a CPU core."""
    found = devices.available(None if backend == "none" else backend)
    with _lock:
        chosen = min(found, key=lambda one: _used[one])
        _used[chosen] += 1
    # Another Dask worker may use the same GPU.
    device = replace(chosen, shared=chosen.kind == "gpu")
    try:
        return Kept(_launcher(command).start(device, backend, data), chosen)
    except BaseException:
        with _lock:
            _used[chosen] -= 1
        raise


def _keep(owner: str, one: Kept) -> None:
    one.timer = threading.Timer(IDLE, end, [owner])
    one.timer.daemon = True
    with _lock:
        _kept[owner] = one
    one.timer.start()


def _taken(owner: str) -> Kept | None:
    with _lock:
        one = _kept.pop(owner, None)
    if one is not None and one.timer is not None:
        one.timer.cancel()
    return one
