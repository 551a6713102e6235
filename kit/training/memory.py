"""How much memory this process may use: that of the machine, or the limit of a container or of ulimit."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CGROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


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
