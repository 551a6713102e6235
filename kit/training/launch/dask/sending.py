"""Send parcels to workers: from the driver once, from worker to worker as often as needed."""

import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from kit.errors import KitError
from kit.training.launch.dask import tasks
from kit.training.launch.dask.cluster import Cluster
from kit.training.launch.dask.parcels import Parcel
from kit.training.launch.dask.workers import RemoteWorker

TRIES = 3
ALIVE_SECONDS = 1.0
"""Seconds between two looks whether a worker still exists."""
RESULT_SECONDS = 600.0
"""Longest time in which a result that is ready has to arrive."""


class NotSentError(Exception):
    """A parcel does not arrive at a worker."""


class Sender:
    """Sends each parcel to each worker once.

    While a parcel is under way to several workers, the driver's parts serve all of them: Dask copies a part
    from any worker that has it. They are released after that, since they fill the memory of the workers.

    Args:
        cluster: the connection.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._one_at_a_time: dict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._parts: dict[str, list[Any]] = {}
        self._sending: dict[str, int] = defaultdict(int)
        self._scattering: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def send(self, parcel: Parcel, worker: RemoteWorker, check: Callable[[], None]) -> None:
        """Let a worker have a parcel.

        Args:
            parcel: the files.
            worker: where they are needed.
            check: called about once a second; raises an error if nobody waits for the parcel.

        Raises:
            NotSentError: the worker has ended, or what it has is not what was sent.
        """
        with self._lock:
            alone = self._one_at_a_time[worker.address, parcel.content]
        with alone:
            try:
                missing = self._wait(worker, self._submit(worker, tasks.missing, [parcel.content]), check)
                for _ in range(TRIES if missing else 0):
                    if self._sent(parcel, worker, check):
                        return
                if missing:
                    raise NotSentError("the files arrive damaged")
            except (KitError, NotSentError):
                raise
            except Exception as error:
                raise NotSentError(str(error)) from error

    def _sent(self, parcel: Parcel, worker: RemoteWorker, check: Callable[[], None]) -> bool:
        with self._lock:
            self._sending[parcel.content] += 1
        try:
            with self._scattering[parcel.content]:
                if parcel.content not in self._parts:
                    self._parts[parcel.content] = [
                        self._cluster.client.scatter(parcel.read(part), workers=[worker.address], hash=False)
                        for part in parcel.parts()
                    ]
                parts = self._parts[parcel.content]
            written = [
                self._submit(worker, tasks.write_part, parcel.content, part.name, part.offset, future)
                for part, future in zip(parcel.parts(), parts, strict=True)
            ]
            for one in written:
                self._wait(worker, one, check)
            completed = self._submit(worker, tasks.complete, parcel.content, list(parcel.paths))
            return bool(self._wait(worker, completed, check))
        except Exception:
            with self._lock:
                self._parts.pop(parcel.content, None)  # The worker that had them may have ended.
            raise
        finally:
            with self._lock:
                self._sending[parcel.content] -= 1
                if not self._sending[parcel.content]:
                    self._parts.pop(parcel.content, None)

    def _submit(self, worker: RemoteWorker, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._cluster.submit(worker, function, *arguments)

    def _wait(self, worker: RemoteWorker, future: Any, check: Callable[[], None]) -> Any:
        ended: queue.SimpleQueue[None] = queue.SimpleQueue()
        future.add_done_callback(lambda _: ended.put(None))
        while True:
            check()
            if not worker.alive:
                raise NotSentError("it has ended")
            try:
                ended.get(timeout=ALIVE_SECONDS)
            except queue.Empty:
                continue
            return future.result(timeout=RESULT_SECONDS)
