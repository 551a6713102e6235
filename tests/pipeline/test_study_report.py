import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from kit.errors import UserError
from kit.pipeline.study_report import current, is_drawn, listed
from kit.reports.study import page
from kit.studies import StudyFolder
from tests.studies import add, confirmation, stored

pytestmark = pytest.mark.usefixtures("workdir")


def newer(files: StudyFolder, path: Path) -> None:
    """Make a file newer than the report."""
    later = files.report_path.stat().st_mtime + 10
    os.utime(path, (later, later))


def test_page_and_report_from_the_future_are_made_again() -> None:
    files = stored()
    current(files, print)
    assert is_drawn(files)
    for path in (files.page_path, files.report_path):
        os.utime(path, (4e9, 4e9))
        assert not is_drawn(files)
        current(files, print)
        assert is_drawn(files)


def test_report_and_page_are_made_from_the_storage() -> None:
    files = stored(confirmed=confirmation("confirmed"))
    report = current(files, print)
    assert (report.study, report.status, report.trials.complete) == ("example", "complete", 2)
    assert report.confirmation == confirmation("confirmed")
    assert files.read_report() == report
    assert "kit cv -c tuned-example" in files.page_path.read_text()
    assert is_drawn(files)


def test_what_is_up_to_date_is_not_written_again() -> None:
    files = stored()
    current(files, print)
    before = files.page_path.stat().st_mtime_ns
    current(files, print)
    assert files.page_path.stat().st_mtime_ns == before


@pytest.mark.parametrize("lost", ["report.json", "report.html"])
def test_what_is_missing_is_made_again(lost: str) -> None:
    files = stored()
    current(files, print)
    (files.path / lost).unlink()
    current(files, print)
    assert is_drawn(files)


def above_seal(page: Path) -> str:
    """Return a page without its checksum."""
    return page.read_text().rpartition("<!--")[0]


def test_a_page_of_another_version_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    files = stored()
    current(files, print)
    before, version = above_seal(files.page_path), f"kit study page {page.PAGE_VERSION}"
    monkeypatch.setattr(page, "PAGE_VERSION", 99)
    monkeypatch.setattr("kit.pipeline.study_report.PAGE_VERSION", 99)
    current(files, print)
    assert above_seal(files.page_path) == before.replace(version, "kit study page 99")


def test_new_trials_are_added() -> None:
    files = stored()
    current(files, print)
    study = optuna.load_study(study_name="example", storage=f"sqlite:///{files.database}")
    add(study, 0.02)
    newer(files, files.database)
    assert current(files, print).trials.complete == 3


@pytest.mark.parametrize("text", ['{"version": 1}', '{"version": 2, ', '{"version": 2}', ""])
def test_a_report_of_another_version_or_damaged_is_computed_again(text: str) -> None:
    files = stored()
    files.report_path.write_text(text)
    listing = listed(files)
    assert listing is not None
    assert listing.trials.complete == 2
    assert current(files, print).trials.complete == 2
    assert is_drawn(files)


def test_an_interrupted_study_shows_what_it_has() -> None:
    report = current(stored(status="running"), print)
    assert (report.status, report.confirmation, len(report.best)) == ("interrupted", None, 2)


def test_a_study_in_another_folder_is_found_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = stored()
    moved = tmp_path / "elsewhere/tune-renamed"
    moved.parent.mkdir()
    files.path.rename(moved)
    monkeypatch.chdir(tmp_path)
    report = current(StudyFolder(moved), print)
    assert report.trials.complete == 2
    assert report.storage == f"sqlite:///{moved}/study.db"


def test_a_folder_that_cannot_be_written_is_still_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    files, said = stored(), list[str]()
    monkeypatch.setattr(StudyFolder, "write_report", refused)
    assert current(files, said.append).trials.complete == 2
    assert said == ["the report cannot be written to runs/tune-example/: Permission denied"]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def foreign(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")


def text(file: Path) -> None:
    file.write_text("not a database " * 100)


@pytest.mark.parametrize("damage", [cut, empty, foreign, text])
def test_a_foreign_or_damaged_storage_is_named(damage: Callable[[Path], None]) -> None:
    files = stored()
    damage(files.database)
    before = files.database.read_bytes()
    with pytest.raises(UserError) as error:
        current(files, print)
    lines = str(error.value).splitlines()
    assert len(lines) <= 3
    assert "runs/tune-example/study.db" in lines[0]
    # Nothing is created in it.
    assert files.database.read_bytes() == before


@pytest.mark.parametrize(
    ("made_of", "words"),
    [(None, "kit tune did not create this study"), ({"version": "1"}, "another version of kit")],
)
def test_a_study_of_another_program_or_version_is_refused(made_of: dict[str, str] | None, words: str) -> None:
    files = stored()
    study = optuna.load_study(study_name="example", storage=f"sqlite:///{files.database}")
    study.set_user_attr("kit", made_of)
    with pytest.raises(UserError, match=words):
        current(files, print)


def test_a_storage_whose_password_is_not_stored_is_not_asked() -> None:
    files = stored(storage="postgresql://me:***@host/db", command="kit tune --study example")
    files.database.unlink()
    with pytest.raises(UserError) as error:
        current(files, print)
    assert str(error.value).endswith("rerun the command that started it: kit tune --study example")
    assert listed(files) is None
