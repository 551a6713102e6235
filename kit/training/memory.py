"""How much memory this process may use: the machine's, or what a container or a limit leaves of it."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CGROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


class Memory(NamedTuple):
    """Memory in GiB.

    Attributes:
        total: of the machine.
        limit: what this process may use of it; None where that is all.
        kind: what sets the limit.
    """

    total: float
    limit: float | None
    kind: str

    @property
    def text(self) -> str:
        """Both, for people."""
        if self.limit is None:
            return f"{self.total:.1f} GiB memory"
        return f"{self.limit:.2g} GiB memory ({self.kind}; the machine has {self.total:.1f})"


def memory() -> Memory:
    """Return how much memory there is."""
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
    """Yield the limit of each control group that this process is in, in bytes, of version 1 and 2."""
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in {"", "memory"}:
            continue
        root, name = (CGROUPS / "memory", "memory.limit_in_bytes") if controllers else (CGROUPS, "memory.max")
        # In a container the path may be that of the host: then the root is the container's own group.
        group = root / path.strip("/")
        for folder in (group, *(parent for parent in group.parents if parent.is_relative_to(root))):
            try:
                yield int((folder / name).read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue  # No such group here, or no limit ("max").
