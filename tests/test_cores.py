"""The number of cores follows the affinity and the container's quota."""

import os
from pathlib import Path

import pytest

from kit import cores


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in place of the kernel's, on a machine of 8 cores."""
    monkeypatch.setattr(cores, "CGROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)
    return tmp_path


def test_the_affinity_counts_without_a_quota(groups: Path) -> None:
    assert not [*groups.iterdir()]
    assert cores.cores() == 8


@pytest.mark.parametrize(
    ("content", "number"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("250000 100000", 3),
        ("1 100000", 1),
        ("9900000 100000", 8),
    ],
)
def test_a_quota_is_rounded_up(groups: Path, content: str, number: int) -> None:
    (groups / "cpu.max").write_text(content)
    assert cores.cores() == number


@pytest.mark.parametrize(("quota", "number"), [("-1", 8), ("150000", 2)])
def test_the_quota_of_the_first_version_of_cgroups(groups: Path, quota: str, number: int) -> None:
    (groups / "cpu").mkdir()
    (groups / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (groups / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cores.cores() == number


def test_an_unreadable_quota_is_none(groups: Path) -> None:
    (groups / "cpu.max").write_text("")
    assert cores.cores() == 8
