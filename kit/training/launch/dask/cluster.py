"""The connection to a Dask scheduler, and what passes over it."""

import logging
import queue
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kit.errors import UserError
from kit.training.failures import WorkerFailedError
from kit.training.launch.dask import tasks
from kit.training.launch.dask.facts import Facts
from kit.training.launch.dask.workers import RemoteWorker, Workers

CONNECT_SECONDS = 15.0
POLL_SECONDS = 1.0
"""Seconds between two looks which workers have joined or left."""
GONE_SECONDS = 30.0
"""Seconds without an answer after which the scheduler counts as lost."""
Inbox = queue.SimpleQueue[dict[str, Any] | None]
"""Events of one training; None: look whether it goes on."""


class SchedulerLostError(WorkerFailedError):
    """The scheduler is gone: no retry can succeed."""


class Cluster:
    """A connection to a scheduler; `Workers` has what is known of its workers.

    Args:
        address: of the scheduler, as in tcp://host:8786.
        workers: learns which workers join and leave.
        backend: Keras's; None where no network is trained.

    Raises:
        UserError: Dask is not installed, or the scheduler does not answer.
    """

    def __init__(self, address: str, workers: Workers, backend: str | None) -> None:
        self.address, self.workers, self._backend = address, workers, backend
        self.client = _connected(address)
        self._topic = f"kit-{uuid.uuid4().hex}"
        self._inboxes: dict[str, Inbox] = {}
        self._answered = time.monotonic()
        self._closed = threading.Event()
        self.client.subscribe_topic(self._topic, self._deliver)
        self._polling = threading.Thread(target=self._poll, name="kit-dask", daemon=True)
        self._polling.start()

    def close(self) -> None:
        """End the connection; the scheduler then forgets what this driver asked for."""
        self._closed.set()
        with suppress(Exception):
            self.client.close(timeout=5)

    def check(self, member: object) -> None:
        """Check that the scheduler answers.

        Raises:
            SchedulerLostError: it does not.
        """
        if self.client.status == "closed" or time.monotonic() - self._answered > GONE_SECONDS:
            hint = "rerun the same command to resume when a scheduler runs there"
            raise SchedulerLostError(f"{member}: the Dask scheduler {self.address} is lost", "", hint)

    def await_answer(self, member: object) -> None:
        """Wait until it is known whether the scheduler still answers; see `check` for errors."""
        asked = time.monotonic()
        while self._answered < asked:
            self.check(member)
            self._closed.wait(POLL_SECONDS)

    @contextmanager
    def inbox(self, token: str) -> Iterator[Inbox]:
        """Give the queue that receives the events of a training."""
        self._inboxes[token] = queue.SimpleQueue()
        try:
            yield self._inboxes[token]
        finally:
            del self._inboxes[token]

    def submit(self, worker: RemoteWorker, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return the future of a call on one worker. If that ends, the future never does."""
        return self.client.submit(
            function, *arguments, workers=[worker.address], allow_other_workers=False, pure=False
        )

    def train(self, worker: RemoteWorker, *arguments: Any, **named: Any) -> Any:
        """Return the future of `tasks.train` on one worker."""
        return self.client.submit(
            tasks.train,
            *arguments,
            **named,
            topic=self._topic,
            workers=[worker.address],
            allow_other_workers=False,
            pure=False,
            resources=dict(worker.resources) or None,
        )

    def tell(self, worker: RemoteWorker, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function on one worker some time, and do not wait for its end."""
        from distributed import fire_and_forget

        with suppress(Exception):
            fire_and_forget(self.submit(worker, function, *arguments))

    def call(self, worker: RemoteWorker, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a short call returns, which does not wait until the worker has a free thread."""
        return self.client.run(function, *arguments, workers=[worker.address])[worker.address]

    def _deliver(self, event: tuple[float, dict[str, Any]]) -> None:
        inbox = self._inboxes.get(event[1]["token"])
        if inbox is not None:
            inbox.put(event[1]["event"])

    def _poll(self) -> None:
        while not self._closed.is_set():
            # Errors of whatever kind: `check` decides when the scheduler counts as lost.
            with suppress(Exception):
                present = self._present()
                self._answered = time.monotonic()
                if new := self.workers.unknown(present):
                    # Not here: a worker that does not answer must not hide that others leave.
                    joined = {one: present[one] for one in new}
                    threading.Thread(target=self._meet, args=(joined,), daemon=True).start()
            self._closed.wait(POLL_SECONDS)

    def _present(self) -> dict[str, Any]:
        """Return what the scheduler knows of each worker, by address."""
        # `Client.scheduler_info` may return what a request without workers, in the background, has stored.
        identity = self.client.sync(self.client.scheduler.identity, n_workers=-1)
        return dict(identity["workers"])

    def _meet(self, new: dict[str, Any]) -> None:
        """Ask workers that joined about their machines."""
        try:
            answers = self.client.run(tasks.describe, self._backend, workers=list(new), on_error="return")
        except Exception as error:
            answers = dict.fromkeys(new, OSError(str(error)))
        for address, answer in answers.items():
            name = f"Dask worker {new[address].get('name', address)} at {address}"
            if isinstance(answer, ImportError):
                self.workers.refuse(address, f"{name} has no kit of this version ({answer})")
            elif isinstance(answer, OSError):
                self.workers.forget(address)  # The next look asks again.
            elif isinstance(answer, Exception):
                self.workers.refuse(address, f"{name} cannot describe its machine ({answer})")
            else:
                self.workers.admit(address, new[address], Facts.of(answer))


def _connected(address: str) -> Any:
    try:
        from distributed import Client
        from distributed.versions import VersionMismatchWarning
    except ImportError:
        hint = "pip install distributed, here and on all machines of the cluster"
        what = "training on a cluster needs the package distributed"
        raise UserError(what, where="--on", received=address, hint=hint) from None
    # kit reports what its user can act on, and compares the versions that matter.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
    # A job with the checkpoint of a large network is large.
    warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        cause = error.__cause__ or error
        raise UserError(
            f"the Dask scheduler does not answer: {str(cause).splitlines()[0][:200]}",
            where="--on",
            received=address,
            hint=f"start one with `dask scheduler`, and workers with `dask worker {address} --nthreads 1`",
        ) from error
    try:
        client.run_on_scheduler(tasks.present)
    except ImportError as error:
        client.close()
        hint = "start the scheduler in an environment that has kit, like the workers"
        what = f"the Dask scheduler has no kit of this version ({error})"
        raise UserError(what, where="--on", received=address, hint=hint) from error
    return client
