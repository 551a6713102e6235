"""How much memory this process may use: that of the machine, or the limit of a container or of ulimit."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

VMSTAT = Path("/proc/vmstat")
CGROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")

_LACK = (
    "MemoryError",
    "bad_alloc",
    "Cannot allocate memory",  # ENOMEM
    "can't allocate memory",  # PyTorch on a CPU
    "failed to map segment from shared object",  # the loader, below `ulimit -v`
    "OutOfMemoryError",  # PyTorch on a GPU
    "RESOURCE_EXHAUSTED",  # JAX
    "ResourceExhaustedError",  # TensorFlow
)
"""What libraries write when an allocation fails."""


class Memory(NamedTuple):
    """Memory in GiB.

    Attributes:
        total: memory of the machine.
        limit: memory that this process may use; None: all.
        kind: what sets the limit.
    """

    total: float
    limit: float | None
    kind: str

    @property
    def text(self) -> str:
        """Total and limit in words."""
        if self.limit is None:
            return f"{self.total:.1f} GiB memory"
        return f"{self.limit:.2g} GiB memory ({self.kind}; the machine has {self.total:.1f})"


def memory() -> Memory:
    """Return the memory of this machine, and the limit of this process."""
    import psutil

    total = psutil.virtual_memory().total
    limits = {}
    if (size := min(_of_groups(), default=None)) is not None:
        limits["limit of this container"] = size
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        limits["ulimit -v"] = soft
    kind = min(limits, key=lambda name: limits[name], default="")
    if not kind or limits[kind] >= total:
        return Memory(total / 2**30, None, "")
    return Memory(total / 2**30, limits[kind] / 2**30, kind)


def kills() -> int | None:
    """Return how many processes the Linux kernel has killed for lack of memory since it was started.

    It counts those of all containers and control groups too. None where this is unknown.
    """
    try:
        lines = VMSTAT.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def shows_lack_of_memory(text: str) -> bool:
    """Return whether an error message, or what a program wrote to stderr, says that memory ran out."""
    return any(words in text for words in _LACK)


def _of_groups() -> Iterator[int]:
    """Yield the limit in bytes of each control group (version 1 or 2) of this process."""
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in {"", "memory"}:
            continue
        root, name = (CGROUPS / "memory", "memory.limit_in_bytes") if controllers else (CGROUPS, "memory.max")
        # In a container the path may be the host's; the root is then the container's own group.
        group = root / path.strip("/")
        for folder in (group, *(parent for parent in group.parents if parent.is_relative_to(root))):
            try:
                yield int((folder / name).read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue  # No such group here, or no limit ("max").
