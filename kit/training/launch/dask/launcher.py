"""The launcher of workers on a Dask cluster."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Self

from kit.errors import UserError
from kit.records import ClusterRecord, DifferentWorker
from kit.training.launch.base import DataFolder, Device
from kit.training.launch.dask.cluster import Cluster
from kit.training.launch.dask.facts import Facts
from kit.training.launch.dask.handle import DaskWorker
from kit.training.launch.dask.sending import Sender
from kit.training.launch.dask.workers import Workers

FIRST_SECONDS = 120.0
"""How long to wait for the first worker."""
PLACE = Device("remote")


class DaskLauncher:
    """Starts workers on the machines of a Dask cluster: a context manager, which ends the connection.

    Dask's own scheduling is not used to choose the machine, since kit decides by what the machine computes
    and whether it has the data: each task names its worker.

    Args:
        address: of the scheduler, as in tcp://host:8786.
        allow_different: whether to use machines that may give other numbers than the driver's.
        say: receives lines for people.
        command: the program of a worker process; None: kit's.
        first_seconds: how long to wait for the first worker.
    """

    trains_together = False

    def __init__(
        self,
        address: str,
        *,
        allow_different: bool = False,
        say: Callable[[str], None] = lambda _: None,
        command: Sequence[str] | None = None,
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        self._address, self._allow_different, self._say = address, allow_different, say
        self._command = None if command is None else tuple(command)
        self._first_seconds = first_seconds
        self._open: tuple[Cluster, Sender] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._open is not None:
            self._open[0].close()

    def devices(self, backend: str | None) -> list[Device]:
        """Return one device for each member that the cluster trains at once now; connect first.

        Raises:
            UserError: there is no cluster, or it has no worker that may train.
        """
        if self._open is None:
            workers = Workers(
                Facts.here(backend), backend, allow_different=self._allow_different, say=self._say
            )
            cluster = Cluster(self._address, workers, backend)
            self._open = cluster, Sender(cluster)
        workers = self._open[0].workers
        self._await_first(workers)
        # Those that were there may leave at any time, and others join.
        return [PLACE] * max(1, workers.slots)

    def more(self, running: int) -> list[Device]:
        """Return devices for members beyond `running`: workers may have joined."""
        return [] if self._open is None else [PLACE] * (self._open[0].workers.slots - running)

    def start(self, device: Device, backend: str, data: DataFolder) -> DaskWorker:
        """Return a worker, which finds its place when it trains."""
        del device, backend
        if self._open is None:
            raise RuntimeError("`devices` comes first")
        return DaskWorker(*self._open, data, self._command)

    def suspended_together(self) -> AbstractContextManager[None]:
        """Leave the workers running: their machines need not wait for this one."""
        return nullcontext()

    def cluster(self) -> ClusterRecord | None:
        """Return what trained so far, for run.json."""
        if self._open is None:
            return None
        used = self._open[0].workers.all_used
        different = [
            DifferentWorker(worker=one.label, differences=one.differences) for one in used if one.differences
        ]
        return ClusterRecord(scheduler=self._address, workers=len(used), different=tuple(different))

    def _await_first(self, workers: Workers) -> None:
        said, until = False, time.monotonic() + self._first_seconds
        while not workers.slots:
            if (refused := workers.refused) and not workers.undecided:
                more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
                hint = "install the same versions there, or use --allow-different: run.json then names it"
                raise UserError(f"no worker may train: {refused[0]}{more}", where=self._address, hint=hint)
            if time.monotonic() > until:
                raise UserError(
                    f"no worker has joined within {self._first_seconds:g} s",
                    where=self._address,
                    hint=f"start one with `dask worker {self._address} --nthreads 1`",
                )
            workers.wait(1.0)
            if not said and not workers.slots and time.monotonic() > until - self._first_seconds + 5:
                self._say(f"waiting for a worker of {self._address}")
                said = True
