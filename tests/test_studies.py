import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.errors import UserError
from kit.run_folder import find_run
from kit.studies import StudyFolder, all_studies, find_study
from tests.studies import confirmation, stored

pytestmark = pytest.mark.usefixtures("workdir")
Make = Callable[..., Any]


@pytest.mark.parametrize(
    "name", ["example", "tune-example", "runs/tune-example", "runs/tune-example/", "./runs/tune-example"]
)
def test_a_study_has_a_name_and_a_path(name: str) -> None:
    stored()
    found = find_study(name)
    assert found is not None
    assert (found.name, found.path.resolve()) == ("example", Path("runs/tune-example").resolve())


@pytest.mark.parametrize("name", ["other", "tune-other", "runs", "runs/other", ".", "tune-"])
def test_what_is_no_study_is_not_found(name: str) -> None:
    stored()
    Path("runs/other").mkdir()
    assert find_study(name) is None


def test_studies_are_listed_newest_first() -> None:
    stored("old", started="2025-01-01T00:00:00+00:00")
    stored("new", started="2025-01-03T00:00:00+00:00")
    Path("runs/tune-empty").mkdir()
    assert [study.name for study in all_studies()] == ["new", "old"]


def test_a_study_that_is_in_use_is_running() -> None:
    files = stored(status="running")
    assert files.status() == "interrupted"
    with files.in_use():
        assert files.status() == "running"
    assert files.status() == "interrupted"


def test_a_killed_process_leaves_an_interrupted_study() -> None:
    files = stored(status="running")
    code = (
        "import os; from kit.studies import StudyFolder; "
        "mark = StudyFolder.named('example').in_use(); mark.__enter__(); os._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert len(list(files.path.glob(".process-*"))) == 1
    assert files.status() == "interrupted"
    with files.in_use():
        assert [path.name for path in files.path.glob(".process-*")] == [f".process-{os.getpid()}"]


def test_a_study_of_an_earlier_version_is_read_from_its_report() -> None:
    from kit.pipeline.study_report import current

    files = stored(confirmed=confirmation("confirmed"))
    current(files, print)
    files.origin_path.unlink()
    origin = files.read_origin()
    assert (origin.config, origin.status, files.status()) == ("default", "complete", "complete")
    assert origin.confirmation == confirmation("confirmed")


def test_without_report_and_study_json_the_error_says_what_to_do() -> None:
    files = stored()
    files.origin_path.unlink()
    with pytest.raises(UserError) as error:
        files.read_origin()
    assert str(error.value) == (
        "runs/tune-example/study.json: this run has no such file yet\n"
        "rerun the kit tune command that made the study"
    )


def test_a_study_is_no_run() -> None:
    stored(confirmed=confirmation("confirmed"))
    with pytest.raises(UserError) as error:
        find_run("example")
    assert str(error.value) == (
        "runs/tune-example: this is a study of kit tune, not a run\n"
        "kit report example shows it; train what it found: kit cv -c tuned-example"
    )


def test_a_study_without_a_confirmed_configuration_is_no_run_either() -> None:
    stored()
    with pytest.raises(UserError, match="kit report example shows it; it has confirmed no configuration yet"):
        find_run("tune-example")


def test_a_run_and_a_study_may_have_the_same_name(example: Make) -> None:
    example(name="example").write()
    stored()
    assert find_run("example").path == Path("runs/example")
    assert StudyFolder.named("example").exists()
