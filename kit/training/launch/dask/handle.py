"""A worker on the cluster, as sessions see it: it finds a free place, where each training goes as a task."""

import queue
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

from kit.config import Pretrained
from kit.members import MemberResult, unpack
from kit.training.failures import (
    DivergedError,
    OutOfMemoryError,
    WorkerFailedError,
    WorkerLostError,
)
from kit.training.job import Job
from kit.training.launch.base import Activity, Checkpoint, DataFolder, Event, Progress
from kit.training.launch.dask import tasks
from kit.training.launch.dask.cluster import Cluster, Inbox
from kit.training.launch.dask.parcels import Parcel, parcel_of, parcel_of_file
from kit.training.launch.dask.sending import RESULT_SECONDS, NotSentError, Sender
from kit.training.launch.dask.workers import RemoteWorker
from kit.training.wire import Message, read_message

Follow = Callable[[Event | Checkpoint], None]
TICK = 1.0
"""Seconds between two looks whether the worker still exists, and between two events while nothing happens."""
SENDS = 3
"""How often a worker may lack a parcel for one training: it loses all if it restarts."""


class DaskWorker:
    """A worker on the place of the cluster that is free when it trains first; see `WorkerHandle`.

    Args:
        cluster: the connection.
        sender: sends what the workers need.
        data: the arrays that jobs refer to.
        command: the program of a worker process; None: kit's.
    """

    _ERRORS: ClassVar[dict[str, type[WorkerFailedError]]] = {
        one.__name__: one for one in (DivergedError, OutOfMemoryError, WorkerLostError)
    }

    def __init__(
        self, cluster: Cluster, sender: Sender, data: DataFolder, command: tuple[str, ...] | None
    ) -> None:
        self._cluster, self._sender, self._data, self._command = cluster, sender, data, command
        self._killed = threading.Event()
        self._owner = uuid.uuid4().hex
        self._place: RemoteWorker | None = None
        self._inbox: Inbox | None = None

    def kill(self) -> None:
        """Let a running `train` end, and its worker process, from any thread."""
        self._killed.set()
        if (inbox := self._inbox) is not None:
            inbox.put(None)

    def close(self) -> None:
        """End the process on the cluster, and free its place."""
        if (place := self._place) is not None:
            self._place = None
            if place.alive:
                self._cluster.tell(place, tasks.end_process, self._owner)
            self._cluster.workers.give(place)

    def train(self, job: Job, on_progress: Follow) -> MemberResult:
        """Train `job` and return its result; see `WorkerHandle`."""
        starting = Activity(job.member, "starting")

        def wait() -> None:
            """Show that the member waits for a place, or for data: that is no silence of its worker."""
            self._check(job)
            on_progress(starting)

        worker = self._found(wait)
        try:
            for _ in range(SENDS):
                answer = self._answer(job, worker, on_progress)
                if isinstance(answer, MemberResult):
                    worker.trained += 1
                    return answer
                self._send(job, worker, answer, wait)
            raise WorkerLostError(f"{job.member}: {worker.label} does not keep the files that it was sent")
        except WorkerLostError:
            if not self._killed.is_set():
                worker.losses += 1
            raise

    def _found(self, wait: Callable[[], None]) -> RemoteWorker:
        """Return the worker where this one has its place; look for one first if there is none."""
        while self._place is None:
            wait()
            self._place = self._cluster.workers.take(TICK)
        return self._place

    def _check(self, job: Job) -> None:
        """Raise an error if the job need not or cannot be trained any more."""
        if self._killed.is_set():
            raise WorkerLostError(f"{job.member}: stopped")
        self._cluster.check(job.member)

    def _send(self, job: Job, worker: RemoteWorker, missing: list[str], wait: Callable[[], None]) -> None:
        for parcel in self._parcels(job):
            if parcel.content in missing:
                try:
                    self._sender.send(parcel, worker, wait)
                except NotSentError as error:
                    what = f"{job.member}: the data does not reach {worker.label}: {error}"
                    raise WorkerLostError(what) from error

    def _parcels(self, job: Job) -> list[Parcel]:
        """Return what a worker needs for a job: the arrays, and perhaps the weights of its network."""
        weights = job.model.weights if isinstance(job.model, Pretrained) else None
        return [parcel_of(self._data), *([parcel_of_file(Path(weights))] if weights else [])]

    def _answer(self, job: Job, worker: RemoteWorker, on_progress: Follow) -> MemberResult | list[str]:
        """Return the result of a training; the contents of parcels that the worker lacks, if it lacks any."""
        token = uuid.uuid4().hex
        data, *weights = [one.content for one in self._parcels(job)]
        with self._cluster.inbox(token) as inbox:
            self._inbox = inbox
            future = self._cluster.train(
                worker,
                job.to_bytes(),
                data,
                weights[0] if weights else None,
                token=token,
                owner=self._owner,
                command=self._command,
            )
            future.add_done_callback(lambda _: inbox.put({"done": True}))
            try:
                self._follow(job, worker, inbox, token, on_progress)
                blobs = future.result(timeout=RESULT_SECONDS)
            except WorkerFailedError:
                raise
            except Exception as error:
                self._check(job)
                self._cluster.await_answer(job.member)
                what = f"{job.member}: no result from {worker.label}: {type(error).__name__}: {error}"
                raise WorkerLostError(what[:400]) from error
            finally:
                self._inbox = None
                # If it still runs, this ends its process.
                future.release()
        return self._parsed(blobs, worker)

    def _follow(self, job: Job, worker: RemoteWorker, inbox: Inbox, token: str, on_progress: Follow) -> None:
        """Pass events on until the training has ended, in whatever way."""
        began = False
        while True:
            self._check(job)
            if not worker.alive:
                raise WorkerLostError(f"{job.member}: {worker.label} is lost: its process or machine ended")
            try:
                fields = inbox.get(timeout=TICK)
            except queue.Empty:
                if not began:  # The task of another driver may be first there.
                    on_progress(Activity(job.member, "starting"))
                continue
            if fields is None:
                continue
            if "done" in fields:
                return
            began = True
            if "checkpoint" in fields:
                with suppress(Exception):  # A checkpoint that does not arrive costs little.
                    content = self._cluster.call(worker, tasks.latest_checkpoint, token)
                    if content:
                        on_progress(Checkpoint(job.member, int(fields["checkpoint"]), content))
            elif "phase" in fields:
                on_progress(Activity(job.member, **fields))
            else:
                on_progress(Progress(job.member, epochs=job.epochs, **fields))

    def _parsed(self, blobs: tuple[Any, ...], worker: RemoteWorker) -> MemberResult | list[str]:
        if len(blobs) == 2:
            arrays, network = blobs
            return unpack(arrays, network or None)
        message = read_message(BytesIO(blobs[0])) or Message({})
        if "missing" in message.fields:
            return list(message.fields["missing"])
        fields = message.fields
        kind = self._ERRORS.get(str(fields.get("error")), WorkerFailedError)
        raise kind(f"{fields['what']} ({worker.label})", fields.get("log", ""), fields.get("hint"))
