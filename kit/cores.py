"""How many CPU cores this process may use."""

import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def cores() -> int:
    """Return how many CPU cores this process may use, within its CPU affinity and its container's quota.

    joblib.cpu_count says the same, but importing it takes longer than reading the data.
    """
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return known if quota is None else max(1, min(known, quota))


def _quota() -> int | None:
    """Return the container's limit, rounded up; None: there is none."""
    try:
        if (CGROUPS / "cpu.max").exists():
            limit, period = (CGROUPS / "cpu.max").read_text().split()
        else:
            limit, period = (
                (CGROUPS / "cpu" / f"cpu.cfs_{one}_us").read_text() for one in ("quota", "period")
            )
        return -(-int(limit) // int(period)) if int(limit) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number: there is no limit.
        return None
