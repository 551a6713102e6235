"""The README says what there is, and there is what the README says."""

import re
import subprocess
from pathlib import Path

import pytest

from kit import config
from kit.cli import COMMANDS
from kit.tuning.space import make_space

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("name", sorted(path.stem for path in config.shipped().glob("*.yaml")))
def test_every_shipped_configuration_is_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


def test_every_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"\bkit ([a-z]+)(?: [a-z]+)?`", README)) | set(
        re.findall(r"bin/kit ([a-z]+)", README)
    )
    assert named <= set(COMMANDS)


def test_every_target_in_the_readme_exists() -> None:
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", README, re.MULTILINE))
    assert named >= {"cv", "test"}
    assert named <= TARGETS


def test_every_command_has_its_target() -> None:
    assert set(COMMANDS) <= TARGETS


def write_block(path: Path, first_line: str) -> None:
    """Write the lines of the README that stand indented below `first_line`."""
    block = README.split(first_line)[1].split("\n\n")[0]
    path.write_text("\n".join(re.findall(r"^    (.*)", block, re.MULTILINE)))


def test_the_configuration_in_the_readme_is_valid(workdir: Path) -> None:
    write_block(workdir / "mine.yaml", "# configs/mine.yaml")
    assert config.load("mine.yaml").training.epochs == 20


def test_the_space_in_the_readme_is_valid(workdir: Path) -> None:
    write_block(workdir / "mine.yaml", "# configs/mine-to-tune.yaml")
    space = make_space(config.Source.read("mine.yaml"))
    assert [one.key for one in space.parameters if one.when] == ["training.momentum"]


@pytest.mark.parametrize("change", re.findall(r"--set ([a-z0-9_.]+=[a-z0-9_.]+)", README))
def test_every_change_in_the_readme_is_valid(change: str) -> None:
    assert config.load("default", [change]) != config.load("default")


def test_make_lists_its_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  ([a-z-]+) +\S", done.stdout, re.MULTILINE)
    assert set(listed) == TARGETS
    phony = re.findall(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)[0].split()
    assert phony == listed


def test_pinned_versions_are_exact() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", pin) for pin in pins)
    assert not any(pin.startswith("torch==") for pin in pins)


def test_the_changelog_tells_of_every_command() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`kit {name}" not in changelog] == []
