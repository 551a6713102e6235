"""A core for each worker: one that no other worker on this machine has, as long as there is one."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count


@contextmanager
def reserve_core() -> Iterator[int]:
    """Lend a core of those that this process may use: one of those with the fewest workers of kit.

    Runs side by side use different cores, also those of other users. On systems that pin no process, the
    number says nothing.
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
                # A zero byte in front: a name in Linux's abstract space, which leaves no file behind.
                claim.bind(f"\0kit-core-{core}-{others}")
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    return cores[os.getpid() % len(cores)], claim  # A sandbox that allows no such names.
                continue
            return core, claim
    raise AssertionError("count() has no end")
