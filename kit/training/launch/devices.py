"""Devices of this machine, and how workers share them: each CPU core has one worker, if there are enough."""

import errno
import os
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from kit.cores import cores
from kit.training import machine
from kit.training.launch.base import Device

CLAIM = "kit-core"
"""Of every kit on this machine; tests, which may run beside another kit, have their own."""


def available(backend: str | None) -> list[Device]:
    """Return the GPUs that `backend` can use; without any, the CPU cores that this process may use.

    Args:
        backend: Keras's; None where no network is trained.
    """
    gpus = machine.usable_gpus(backend) if backend else ()
    if len(gpus) == 1:
        return [Device("gpu")]
    return [Device("gpu", gpu.id) for gpu in gpus] or [Device("core")] * cores()


def assign(found: Sequence[Device], workers: int) -> list[Device]:
    """Return one device for each of so many workers, taking the devices in turn.

    A GPU that has several workers is marked as shared. More workers than places on a cluster would only wait.
    """
    if found[0].kind == "remote":
        return list(found[:workers])
    chosen = [found[number % len(found)] for number in range(workers)]
    used = Counter(chosen)
    return [replace(one, shared=True) if one.kind == "gpu" and used[one] > 1 else one for one in chosen]


@contextmanager
def reserve_core() -> Iterator[int]:
    """Reserve the CPU core with the fewest workers of kit, among those that this process may use.

    Runs at the same time use different cores, also those of other users. On systems without CPU affinity the
    number means nothing.
    """
    if not hasattr(os, "sched_getaffinity"):
        yield 0
        return
    core, claim = _claimed()
    with claim:
        yield core


def _claimed() -> tuple[int, socket.socket]:
    """Return a core, and the claim to it: a bound socket, which the system releases when its process ends."""
    cores = sorted(os.sched_getaffinity(0))
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for others in count():
        for core in cores:
            try:
                # The leading zero byte: a name in Linux's abstract namespace, which leaves no file behind.
                claim.bind(f"\0{CLAIM}-{core}-{others}")
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    return cores[os.getpid() % len(cores)], claim  # A sandbox that allows no such names.
                continue
            return core, claim
    raise AssertionError("count() has no end")
