"""Paths from the user: `~` is the home folder, and a named path is used or is an error."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import workplace
from tests.workplace import Ended, ended, start, write_run

Write = Callable[..., None]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder; the working directory is an empty folder next to it."""
    house, work = tmp_path / "house", tmp_path / "work"
    house.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(house))
    monkeypatch.chdir(work)
    return house


@pytest.fixture
def data(house: Path, write_competition: Write) -> Path:
    write_competition(house / "kaggle/data")
    return house / "kaggle/data"


def configure(directory: str, name: str = "mine.yaml") -> None:
    Path(name).write_text(f"extends: lenet-plain\ndata: {{directory: {directory!r}}}\n")


def check(*arguments: str) -> Ended:
    return workplace.kit("data", "check", *(arguments or ("-c", "mine.yaml")))


# --- ~


def test_data_in_the_home_folder_is_read(data: Path) -> None:
    configure("~/kaggle/data")
    checked = check()
    assert (checked.code, checked.err) == (0, "")
    # The path may fill a line.
    assert " ".join(checked.out.split()).startswith(f"{data}/: 60 training and 20 test images")


def test_data_is_fetched_into_the_home_folder(house: Path, write_competition: Write) -> None:
    write_competition(house / "down loads")
    configure("~/new/data")
    fetched = workplace.kit("data", "fetch", "-c", "mine.yaml", "--source=~/down loads")
    assert (fetched.code, fetched.err) == (0, "")
    assert fetched.out.startswith(f"{house}/new/data/ holds train.csv, test.csv")
    assert [path.name for path in Path().iterdir()] == ["mine.yaml"]


def test_a_configuration_in_the_home_folder_extends_another_there(data: Path, house: Path) -> None:
    configure("~/kaggle/data", str(house / "base.yaml"))
    (house / "lab").mkdir()
    (house / "lab/mine.yaml").write_text("extends: ~/base.yaml\nseeds: 2\n")
    assert " ".join(check("--config=~/lab/mine.yaml").out.split()).startswith(f"{data}/: 60 training")


def test_the_home_folder_of_a_named_user(house: Path) -> None:
    me = pwd.getpwuid(os.getuid())
    configure(f"~{me.pw_name}/no such folder of kit")
    assert check().err.startswith(f"kit: {me.pw_dir}/no such folder of kit: there is no such folder\n")
    assert house.exists()


def test_an_unknown_user_is_named(house: Path) -> None:
    configure("~nobody-of-this-name/data")
    refused = check()
    assert refused.code == 2
    assert "~nobody-of-this-name/data: there is no user 'nobody-of-this-name'" in refused.err
    assert refused.err.startswith("kit: mine.yaml, line 2: data.directory: ")
    assert house.exists()


def test_runs_and_files_are_found_in_the_home_folder(house: Path) -> None:
    run = write_run("there", folder=house)
    shutil.copy(run.submission_path, house / "mine.csv")
    assert workplace.kit("report", "~/runs/nowhere").err.startswith("kit: runs: there is no run")
    for target in ("~/runs/there", "~/mine.csv"):
        shown = workplace.kit("submit", target, "--dry-run")
        assert (shown.code, "dry run" in shown.out) == (0, True)


def test_a_storage_in_the_home_folder(data: Path, house: Path) -> None:
    Path("mine.yaml").write_text(
        "models: {knn: {kind: knn}}\nfolds: {count: 2}\ndata: {directory: ~/kaggle/data}\n"
        "tune: {space: {models.knn.neighbours: {kind: int, low: 1, high: 3}}}\n"
    )
    tuned = workplace.kit("tune", "-c", "mine.yaml", "--trials", "1", "--storage", "sqlite:///~/study.db")
    assert (tuned.code, (house / "study.db").is_file()) == (0, True)
    assert data.exists()


def test_a_tilde_alone_is_null_in_yaml(house: Path) -> None:
    Path("mine.yaml").write_text("extends: quick\ndata:\n  directory: ~\n")
    assert check().err == (
        "kit: mine.yaml, line 3: data.directory: expected a folder, received nothing; "
        "in YAML the home folder is written '~/'\n"
    )
    assert house.exists()


@pytest.mark.parametrize("home", [None, ""])
def test_without_a_home_folder_only_a_tilde_is_refused(
    house: Path, write_competition: Write, home: str | None
) -> None:
    write_competition(Path("data"))
    # Without HOME, Python asks the user database; a user who is not in it has no home folder.
    lost = "import pwd, runpy, sys\ndef none(*_): raise KeyError\npwd.getpwuid = none\n"
    lost += "sys.argv[0] = 'kit'; runpy.run_module('kit', run_name='__main__')"
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    environment |= {} if home is None else {"HOME": home}

    def kit(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", lost, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert kit("data", "check").returncode == 0
    refused = kit("data", "fetch", "--source", "~/digits.zip")
    assert (refused.returncode, refused.stderr) == (
        2,
        "kit: ~/digits.zip: the home folder is unknown\nset HOME, or write the full path\n",
    )
    assert house.exists()


# --- named paths


@pytest.mark.parametrize("named", ["mistyped", "~/mistyped", "../nowhere/data", "data"])
def test_a_missing_folder_is_named(house: Path, named: str) -> None:
    configure(named)
    where = str(house / named[2:]) if named.startswith("~/") else named
    for command in (("data", "check"), ("cv",), ("tune",)):
        refused = workplace.kit(*command, "-c", "mine.yaml")
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.startswith(f"kit: {where}: there is no such folder\ndata.directory names it; ")
    assert [path.name for path in Path().iterdir()] == ["mine.yaml"]


def test_a_missing_folder_in_a_change_is_named(house: Path) -> None:
    refused = workplace.kit("cv", "-c", "lenet-plain", "--set", "data.directory=~/mistyped")
    assert (refused.code, refused.err.partition("\n")[0]) == (
        2,
        f"kit: {house}/mistyped: there is no such folder",
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.mkdir, "there is no train.csv"),
        (Path.touch, "expected a folder, received something else"),
        (lambda path: path.symlink_to("nowhere"), "there is no such folder"),
    ],
)
def test_an_unusable_folder_is_named(house: Path, make: Callable[[Path], Any], said: str) -> None:
    make(Path("mine"))
    configure("mine")
    refused = check()
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("kit: mine")
    assert said in refused.err
    assert house.exists()


def test_doctor_reports_the_same_error_as_cv(house: Path) -> None:
    configure("~/mistyped")
    found = workplace.kit("doctor", "-c", "mine.yaml")
    assert found.code == 2
    assert f"problem      {house}/mistyped: there is no such folder; data.directory names it" in found.out
    assert "sample" not in found.out


def test_a_named_folder_is_not_filled_automatically(house: Path) -> None:
    configure("mine")
    credentials = {"KAGGLE_USERNAME": "somebody", "KAGGLE_KEY": "0" * 32}
    for command in (("data", "check"), ("cv",)):
        refused = ended(start(*command, "-c", "mine.yaml", env=credentials))
        assert (refused.code, "mine: there is no such folder" in refused.err) == (2, True)
    assert not Path("mine").exists()
    assert house.exists()


def test_a_named_folder_is_not_replaced_by_the_sample(house: Path) -> None:
    configure("mine")
    for source in ("auto", "sample"):
        refused = workplace.kit("data", "fetch", "-c", "mine.yaml", "--source", source)
        assert refused.code == 2
        assert refused.err.startswith("kit: mine: the bundled sample is not copied into a folder\n")
    assert house.exists()


@pytest.mark.parametrize("named", ["$HOME/data", "${HOME}/data"])
def test_variables_are_not_expanded(house: Path, named: str, data: Path) -> None:
    configure(named)
    for command in (("check",), ("fetch", "--source", str(data))):
        refused = workplace.kit("data", *command, "-c", "mine.yaml")
        assert (refused.code, refused.err) == (
            2,
            f"kit: {named}: there is no such folder\n"
            "environment variables are not expanded: write the path out, or ~ for the home folder\n",
        )
    assert [path.name for path in Path().iterdir()] == ["mine.yaml"]
    assert house.exists()


@pytest.mark.parametrize("source", ["nowhere.zip", "~/nowhere", "$HOME/nowhere", "empty"])
def test_an_unusable_source_is_named(house: Path, source: str) -> None:
    Path("empty").mkdir()
    refused = workplace.kit("data", "fetch", "--source", source)
    assert refused.code == 2
    assert refused.err.startswith(f"kit: {source.replace('~', str(house))}: ")
    assert not Path("data").exists()


@pytest.mark.parametrize("arguments", [("data", "fetch", "--source", ""), ("cv", "-c", ""), ("report", " ")])
def test_an_empty_name_is_refused(house: Path, arguments: tuple[str, ...]) -> None:
    refused = workplace.kit(*arguments)
    assert (refused.code, "received nothing" in refused.err) == (2, True)
    assert house.exists()


def test_without_a_named_folder_the_sample_is_used(house: Path) -> None:
    assert check("-c", "lenet-plain").out.startswith("the bundled sample: 2,400 training")
    assert house.exists()
