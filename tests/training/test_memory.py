import resource
from pathlib import Path

import psutil
import pytest

from kit.training import memory as module
from kit.training.memory import Memory, memory

GIB = 2**30


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of control groups that this process seems to be in; none limits it."""
    (tmp_path / "self").write_text("")
    monkeypatch.setattr(module, "OWN_GROUPS", tmp_path / "self")
    monkeypatch.setattr(module, "CGROUPS", tmp_path)
    return tmp_path


def limit(file: Path, size: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{size}\n")


def test_without_a_limit_it_is_that_of_the_machine(groups: Path) -> None:
    total = psutil.virtual_memory().total / GIB
    assert memory() == Memory(total, None, "")
    limit(groups / "memory.max", "max")
    (groups / "self").write_text("0::/\n")
    assert memory().limit is None
    assert memory().text == f"{total:.1f} GiB memory"


@pytest.mark.parametrize(
    ("own", "file"),
    [
        ("0::/\n", "memory.max"),
        ("0::/kit.slice/run.scope\n", "kit.slice/memory.max"),
        ("0::/docker/1a2b\n", "memory.max"),
        ("9:name=systemd:/\n4:memory:/k\n0::/\n", "memory/k/memory.limit_in_bytes"),
        ("4:memory:/docker/1a2b\n", "memory/memory.limit_in_bytes"),
    ],
)
def test_the_limit_of_a_control_group_counts(groups: Path, own: str, file: str) -> None:
    (groups / "self").write_text(own)
    limit(groups / file, str(GIB // 2))
    found = memory()
    assert (found.limit, found.kind) == (0.5, "limit of this container")
    assert found.text == (f"0.5 GiB memory (limit of this container; the machine has {found.total:.1f})")


def test_the_smallest_limit_of_nested_groups_counts(groups: Path) -> None:
    (groups / "self").write_text("0::/a/b\n")
    for place, size in (("", 3 * GIB), ("a", GIB), ("a/b", 2 * GIB)):
        limit(groups / place / "memory.max", str(size))
    assert memory().limit == 1.0


def test_a_limit_above_the_memory_is_none(groups: Path) -> None:
    (groups / "self").write_text("4:memory:/\n")
    limit(groups / "memory" / "memory.limit_in_bytes", "9223372036854771712")
    assert memory().limit is None


@pytest.mark.usefixtures("groups")
def test_ulimit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (GIB, resource.RLIM_INFINITY))
    assert memory()[1:] == (1.0, "ulimit -v")


def test_the_kills_of_the_kernel_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VMSTAT", tmp_path / "vmstat")
    assert module.kills() is None
    (tmp_path / "vmstat").write_text("nr_free_pages 1\noom_kill 6\n")
    assert module.kills() == 6
    (tmp_path / "vmstat").write_text("nr_free_pages 1\n")
    assert module.kills() is None
