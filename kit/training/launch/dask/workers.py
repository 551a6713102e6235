"""The Dask workers that kit uses: which have joined, which are free, and which are refused."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kit.training.launch.dask.facts import Facts, differences

GPU = "GPU"
"""The resource of a worker that counts its GPUs, as Dask's documentation names it."""


@dataclass(eq=False)
class RemoteWorker:
    """A Dask worker.

    Attributes:
        address: as the scheduler knows it.
        label: for messages: its name and its machine.
        slots: members that it trains at once.
        resources: what a member takes of the worker's resources while it is trained.
        differences: in what its machine differs from the driver's; empty: in nothing that matters.
        busy: members that it trains now.
        losses: members that were lost on it.
        trained: members that it trained.
        alive: whether the scheduler knows it.
    """

    address: str
    label: str
    slots: int
    resources: Mapping[str, float]
    differences: tuple[str, ...] = ()
    busy: int = 0
    losses: int = 0
    trained: int = 0
    alive: bool = True


class Workers:
    """The workers that have joined; thread-safe.

    Args:
        own: facts of the driver's machine.
        backend: Keras's; None where no network is trained.
        allow_different: whether to use workers that would give other numbers.
        say: receives a line for each worker that differs.
    """

    def __init__(
        self, own: Facts, backend: str | None, *, allow_different: bool, say: Callable[[str], None]
    ) -> None:
        self._own, self._backend, self._allow_different, self._say = own, backend, allow_different, say
        self._joined: dict[str, RemoteWorker] = {}
        self._left: list[RemoteWorker] = []
        self._refused: dict[str, str] = {}
        self._asked: set[str] = set()
        self._changed = threading.Condition()

    @property
    def refused(self) -> list[str]:
        """The workers that may not train, each with the reason."""
        with self._changed:
            return list(self._refused.values())

    @property
    def undecided(self) -> bool:
        """Whether workers have joined of which it is not known whether they may train."""
        with self._changed:
            return bool(self._asked - set(self._joined) - set(self._refused))

    @property
    def slots(self) -> int:
        """Number of members that all workers together train at once."""
        with self._changed:
            return sum(one.slots for one in self._joined.values())

    @property
    def all_used(self) -> list[RemoteWorker]:
        """The workers that trained members, also those that have left."""
        with self._changed:
            return [one for one in [*self._left, *self._joined.values()] if one.trained]

    def unknown(self, present: Mapping[str, Any]) -> list[str]:
        """Note which workers the scheduler knows; return those to `admit`, `refuse` or `forget`, once."""
        with self._changed:
            for address in [one for one in self._joined if one not in present]:
                left = self._joined.pop(address)
                left.alive = False
                self._left.append(left)
                if not self._joined:
                    self._say("warning: no worker is left; members wait until one joins")
            self._refused = {one: reason for one, reason in self._refused.items() if one in present}
            self._asked &= set(present)
            new = [one for one in present if one not in self._asked]
            self._asked |= set(new)
            self._changed.notify_all()
            return new

    def forget(self, address: str) -> None:
        """Let `unknown` return a worker again."""
        with self._changed:
            self._asked.discard(address)

    def admit(self, address: str, info: Mapping[str, Any], facts: Facts) -> None:
        """Take a worker, or refuse it if its machine differs from the driver's.

        Args:
            address: of the worker.
            info: what the scheduler knows of it.
            facts: of its machine.
        """
        different = differences(self._own, facts, self._backend)
        label = f"Dask worker {info.get('name', address)} on {facts.host}"
        if different and not self._allow_different:
            self.refuse(address, f"{label} would give other numbers: {'; '.join(different)}")
            return
        if different:
            self._say(f"warning: {label} may give other numbers: {'; '.join(different)}; run.json names it")
        slots, resources = _share(info, facts)
        with self._changed:
            self._joined[address] = RemoteWorker(address, label, slots, resources, tuple(different))
            self._changed.notify_all()

    def refuse(self, address: str, reason: str) -> None:
        """Use a worker for nothing, and say why."""
        self._say(f"warning: {reason}; it trains nothing")
        with self._changed:
            self._refused[address] = reason
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until something changes, not longer than `seconds`."""
        with self._changed:
            self._changed.wait(seconds)

    def take(self, seconds: float) -> RemoteWorker | None:
        """Reserve a place on a worker; None if none is free within `seconds`.

        Workers that lost members come last, then those that train the most members.
        """
        with self._changed:
            if not self._changed.wait_for(self._free, seconds):
                return None
            worker = min(self._free(), key=lambda one: (one.losses, one.busy / one.slots))
            worker.busy += 1
            return worker

    def give(self, worker: RemoteWorker) -> None:
        """Free a place on a worker."""
        with self._changed:
            worker.busy -= 1
            self._changed.notify_all()

    def _free(self) -> list[RemoteWorker]:
        return [one for one in self._joined.values() if one.busy < one.slots]


def _share(info: Mapping[str, Any], facts: Facts) -> tuple[int, Mapping[str, float]]:
    """Return how many members a worker trains at once, and what each takes of its resources."""
    threads = int(info.get("nthreads", 1))
    if declared := int((info.get("resources") or {}).get(GPU, 0)):
        return min(threads, declared), {GPU: 1}
    return (min(threads, facts.gpus) if facts.gpus else threads), {}
