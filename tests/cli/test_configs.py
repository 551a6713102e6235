import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit.cli.configs import command
from kit.config import shipped
from kit.errors import UserError


def run(*arguments: str) -> str:
    return CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False).output


def records(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*arguments, "--json"))
    return found


@pytest.mark.usefixtures("workdir")
def test_every_shipped_configuration_is_listed_with_its_members() -> None:
    listed = {one["name"]: one for one in records()}
    assert set(listed) == {path.stem for path in shipped().glob("*.yaml")}
    quick = listed["quick"]
    assert [quick[name] for name in ("models", "folds", "seeds", "members")] == [1, 2, 1, 2]
    assert quick["description"].startswith("The deskewed network of default")
    assert (quick["file"], quick["replaces_shipped"]) == ("shipped with kit", False)


def test_a_local_configuration_is_marked_if_it_replaces_a_shipped_one(workdir: Path) -> None:
    folder = workdir / "configs"
    folder.mkdir()
    (folder / "quick.yaml").write_text("# Mine. Not shown.\nextends: quick\nseeds: 3\n")
    (folder / "mine.yaml").write_text("extends: quick\nall_rows: true\n")
    listed = {one["name"]: one for one in records()}
    assert (listed["quick"]["replaces_shipped"], listed["quick"]["members"]) == (True, 6)
    assert listed["quick"]["description"] == "Mine."
    assert (listed["mine"]["replaces_shipped"], listed["mine"]["members"]) == (False, 9)
    assert (
        "quick: 1 model x 2 folds x 3 seeds = 6 members (configs/quick.yaml, replaces the shipped one)"
        in run()
    )


def test_an_invalid_configuration_does_not_hide_the_others(workdir: Path) -> None:
    (workdir / "configs").mkdir()
    (workdir / "configs/bad.yaml").write_text("extends: quick\nepochs: 3\n")
    assert "unknown key epochs; did you mean 'training.epochs'?" in run()
    assert "baselines: 4 models" in run()


@pytest.mark.usefixtures("workdir")
def test_a_key_has_value_type_default_meaning_and_source() -> None:
    (one,) = records("quick", "training.epochs")
    lines = (shipped() / "quick.yaml").read_text().splitlines()
    line = next(number for number, line in enumerate(lines, 1) if "epochs: 11" in line)
    assert one == {
        "key": "training.epochs",
        "value": "11",
        "type": "whole number, ≥ 1",
        "default": "20",
        "meaning": "Passes over the training rows.",
        "source": f"quick.yaml, line {line}",
    }


@pytest.mark.usefixtures("workdir")
def test_a_network_inherits_the_source_of_shared_settings() -> None:
    (shared,), (own,) = records("quick", "training.epochs"), records("quick", "models.cnn.training.epochs")
    assert (own["value"], own["source"]) == (shared["value"], shared["source"])


@pytest.mark.usefixtures("workdir")
def test_a_value_without_a_file_is_the_default() -> None:
    (one,) = records("quick", "training.momentum")
    assert (one["value"], one["default"], one["source"]) == ("0.9", "0.9", "")
    assert "training.momentum = 0.9  (default)" in run("quick", "training")


@pytest.mark.usefixtures("workdir")
def test_a_section_shows_its_keys_alone() -> None:
    keys = {one["key"] for one in records("default", "folds")}
    assert {"folds.count", "folds.seed", "folds.reshuffle"} < keys
    assert all(key.startswith("folds.") for key in keys)


@pytest.mark.usefixtures("workdir")
def test_an_unknown_key_names_the_most_similar_one() -> None:
    with pytest.raises(
        UserError, match=r"quick: there is no key 'epochs'; did you mean 'training\.epochs'\?"
    ):
        run("quick", "epochs")


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize("arguments", [(), ("default",), ("baselines",)])
def test_no_line_is_wider_than_80_columns(arguments: tuple[str, ...]) -> None:
    assert max(map(len, run(*arguments).splitlines())) <= 80
