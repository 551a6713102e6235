"""What pyproject.toml allows, what constraints.txt pins, and what CI installs agree."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LISTS = {"dependencies": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
REQUIREMENTS = [Requirement(line) for lines in LISTS.values() for line in lines]


def versions(file: str) -> dict[NormalizedName, Version]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("==") for line in lines if line[0] != "#")
    return {canonicalize_name(name): Version(version) for name, _, version in pairs}


PINS = versions("constraints.txt")
KAGGLE_IMAGE = versions("tests/constraints-kaggle.txt")


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_the_pinned_version_is_within_the_bounds(requirement: Requirement) -> None:
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("requirement", list(map(Requirement, PROJECT["dependencies"])), ids=str)
def test_nothing_of_kaggles_image_is_replaced(requirement: Requirement) -> None:
    assert requirement.specifier.contains(KAGGLE_IMAGE[canonicalize_name(requirement.name)])


def test_the_distribution_has_a_name_of_its_own() -> None:
    assert PROJECT["name"] == "kaggle-kit"
    assert PROJECT["scripts"] == {"kit": "kit.__main__:main"}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_requirement_has_a_lower_bound(requirement: Requirement) -> None:
    assert [one.operator for one in requirement.specifier].count(">=") == 1


@pytest.mark.parametrize(
    ("version", "is_allowed"), [("3.10", False), ("3.11", True), ("3.13.9", True), ("3.14", False)]
)
def test_the_makefile_and_the_package_allow_the_same_pythons(version: str, is_allowed: bool) -> None:
    assert SpecifierSet(PROJECT["requires-python"]).contains(version) is is_allowed
    condition = "(3, 11) <= sys.version_info < (3, 14)"
    assert condition in (ROOT / "Makefile").read_text(encoding="utf-8")


def install(script: str, path: Path) -> "subprocess.CompletedProcess[str]":
    command = ["/bin/bash", str(ROOT / ".ci" / script)]
    environment = {**os.environ, "PATH": str(path), "POSTGRESQL_ROOT": str(path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("script", "program"), [("chromium", "chromium"), ("postgresql", "15/bin/initdb")])
def test_what_is_installed_is_used(tmp_path: Path, script: str, program: str) -> None:
    (tmp_path / program).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / program).touch(mode=0o755)
    done = install(script, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("package", ["chromium", "postgresql"])
def test_what_is_missing_and_cannot_be_installed_ends_ci(tmp_path: Path, package: str) -> None:
    done = install(package, tmp_path)
    assert done.returncode == 1
    assert f"sudo apt-get install {package}" in done.stderr
