"""The shipped configurations of competitions say what the files of their miniatures are."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.config import Competition, files
from tests.competitions import write

SHIPPED = (
    "kannada-mnist",
    "fashion-mnist",
    "sign-language-mnist",
    "cifar-10",
    "aerial-cactus",
    "plant-seedlings",
    "dog-breed",
    "state-farm",
)
PLACES = {"slug"}
"""Keys that need not agree: a data set has no slug."""


def shipped(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load((files.shipped() / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("name", SHIPPED)
def test_it_describes_the_files(name: str, tmp_path: Path) -> None:
    made = write(name, tmp_path, train=50, test=20)
    expected = Competition.model_validate(made.settings["competition"])
    competition = Competition.model_validate(shipped(name)["competition"])
    assert competition.model_dump(exclude=PLACES) == expected.model_dump(exclude=PLACES)


@pytest.mark.parametrize("name", SHIPPED)
def test_its_data_is_in_the_folder_of_its_slug(name: str) -> None:
    loaded = shipped(name)
    assert loaded["data"] == {"directory": f"data/{loaded['competition']['slug']}"}


def test_drivers_stay_in_one_fold(tmp_path: Path) -> None:
    made = write("state-farm", tmp_path, train=50, test=20)
    assert shipped("state-farm")["folds"] == made.settings["folds"]


def test_hands_and_drivers_are_not_mirrored() -> None:
    assert shipped("state-farm")["augmentation"]["flip"] == "none"
    assert "augmentation" not in shipped("sign-language-mnist")
