import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kit import checksums, locks, run_folder
from kit.errors import UserError
from kit.members import Member
from kit.pipeline.rebuild import find_images
from kit.pipeline.report import current, is_drawn
from kit.reports.run.page import PAGE_VERSION
from kit.run_folder import RUNS, Run
from tests.conftest import Example
from tests.pipeline.conftest import Cv

Make = Callable[..., Example]


@pytest.fixture
def said() -> list[str]:
    return []


def later(path: Path) -> None:
    """Make a file newer than any other."""
    os.utime(path, (4e9, 4e9))


def test_an_up_to_date_page_is_not_drawn_again(example: Make, said: list[str]) -> None:
    run = example().write()
    assert not is_drawn(run)
    current(run, said.append)
    assert is_drawn(run)
    before = run.page_path.stat()
    current(run, said.append)
    assert run.page_path.stat().st_mtime_ns == before.st_mtime_ns
    assert said == []


@pytest.mark.parametrize("name", ["report.json", "oof.csv", "run.json"])
def test_a_page_that_is_older_than_its_sources_is_out_of_date(
    example: Make, said: list[str], name: str
) -> None:
    run = example().write()
    current(run, said.append)
    later(run.path / name)
    assert not is_drawn(run)


def test_a_page_from_the_future_is_drawn_again(example: Make, said: list[str]) -> None:
    run = example().write()
    current(run, said.append)
    later(run.page_path)
    assert not is_drawn(run)
    current(run, said.append)
    assert is_drawn(run)


def test_a_page_of_another_version_is_drawn_again_from_new_figures(example: Make, said: list[str]) -> None:
    run = example().write()
    current(run, said.append)
    page = run.page_path.read_text()
    run.page_path.write_text(page.replace(f'page {PAGE_VERSION}"', 'page 0"'))
    run.write_report(run.read_report().model_copy(update={"notes": ("an old note",)}))
    later(run.page_path)
    assert not is_drawn(run)
    assert "an old note" not in current(run, said.append).notes
    assert run.page_path.read_text() == page


def test_a_deleted_report_is_computed_again_from_the_members(example: Make, said: list[str]) -> None:
    run = example(models=("a", "b"), seeds=(0, 1)).write()
    before = run.report_path.read_text()
    run.report_path.unlink()
    current(run, said.append)
    assert run.report_path.read_text() == before


def test_a_report_without_details_gets_them_and_keeps_its_warnings(example: Make, said: list[str]) -> None:
    made = example()
    run = made.write()
    run.write_report(made.report(warnings=["odd data"]).model_copy(update={"details": None}))
    report = current(run, said.append)
    assert report.details is not None
    assert report.warnings == ("odd data",)
    assert run.read_report() == report


def test_without_members_the_page_shows_what_the_report_has(example: Make, said: list[str]) -> None:
    made = example()
    run = made.write()
    run.write_report(made.report().model_copy(update={"details": None}))
    shutil.rmtree(run.path / "members")
    assert current(run, said.append).details is None
    assert is_drawn(run)
    [line] = said
    assert line.startswith("the page shows only what report.json has: ")


def test_without_members_and_report_the_cause_is_named(example: Make, said: list[str]) -> None:
    run = example().write()
    run.report_path.unlink()
    shutil.rmtree(run.path / "members")
    with pytest.raises(UserError, match=r"there is no report\.json, and it cannot be computed"):
        current(run, said.append)


def test_an_empty_member_leaves_the_page_what_the_report_has(example: Make, said: list[str]) -> None:
    run = example().write()
    run.write_report(run.read_report().model_copy(update={"details": None}))
    run.member_path(Member("cnn", 0, 0)).write_bytes(b"")
    assert current(run, said.append).oof.errors == 2
    path = run.member_path(Member("cnn", 0, 0))
    assert said == [f"the page shows only what report.json has: {path}: missing or damaged"]


def test_a_run_of_version_1_has_a_page(workdir: Path, said: list[str]) -> None:
    folder = workdir / RUNS / "old"
    shutil.copytree(Path(__file__).parents[1] / "version_1", folder)
    run = Run(folder)
    report = current(run, said.append)
    assert report.run in run.page_path.read_text()
    assert len(said) == 1


def test_a_page_that_cannot_be_written_loses_no_report(example: Make, said: list[str]) -> None:
    run = example().write()
    run.page_path.mkdir()
    assert current(run, said.append).oof.errors == 2
    assert said == [f"the report cannot be written to {run.path}/: Is a directory"]


def test_a_page_that_cannot_be_drawn_loses_no_report(
    example: Make, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("anchor")

    monkeypatch.setattr("kit.reports.run.page.write_page", fail)
    assert current(example().write(), said.append).oof.errors == 2
    assert said == ["the page cannot be drawn: KeyError: 'anchor'"]


def test_an_interrupt_within_an_import_is_not_a_page_that_cannot_be_drawn(
    example: Make, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.setattr("kit.reports.run.page.write_page", interrupted)
    with pytest.raises(KeyboardInterrupt):
        current(example().write(), said.append)
    assert said == []


def test_the_run_stores_the_images_of_its_page(cv: Cv) -> None:
    run, _, _ = cv()
    details, images = run.read_report().details, run.read_images()
    assert details is not None
    assert {*images.train} == {row.row for row in details.gallery}
    assert {*images.test} == {row.row for row in details.test.uncertain}
    for row, image in images.train.items():
        assert image.shape == (4, 4, 1)
        assert int(image[0, 0, 0]) * 256 + int(image[0, 1, 0]) == row


def test_missing_images_are_read_from_the_data(cv: Cv) -> None:
    run, _, _ = cv()
    before = run.read_images()
    run.images_path.unlink()
    found, new = find_images(run, run.read_report())
    assert new
    assert {*found.train} == {*before.train}
    for row, image in found.train.items():
        np.testing.assert_array_equal(image, before.train[row])


def test_images_of_other_data_are_not_shown(cv: Cv) -> None:
    run, _, _ = cv()
    run.images_path.unlink()
    run.write_record(run.read_record().model_copy(update={"fingerprint": "0" * 64}))
    found, new = find_images(run, run.read_report())
    assert (found.train, found.test, new) == ({}, {}, False)


@pytest.mark.parametrize("has_page", [True, False])
def test_a_run_of_an_earlier_version_gets_its_tables(example: Make, said: list[str], has_page: bool) -> None:
    run = example(seeds=(0, 1)).write()
    current(run, said.append)
    tables = run.test_path, run.history_path
    before = [path.read_bytes() for path in tables]
    for path in tables if has_page else (*tables, run.page_path):
        path.unlink()
    current(run, said.append)
    assert [path.read_bytes() for path in tables] == before
    assert said == []


def test_without_members_the_report_says_why_there_is_no_test_csv(example: Make, said: list[str]) -> None:
    run = example().write()
    current(run, said.append)
    run.test_path.unlink()
    shutil.rmtree(run.path / "members")
    current(run, said.append)
    [line] = said
    assert line.startswith("test.csv cannot be written: runs/example-1a2b3c4d/members/")


def test_test_csv_is_not_written_if_it_contradicts_the_submission(example: Make, said: list[str]) -> None:
    run = example().write()
    lines = run.submission_path.read_text().splitlines()
    lines[2] = "2,7"
    run.submission_path.write_text("\n".join(lines) + "\n")
    current(run, said.append)
    assert not run.test_path.exists()
    assert said == [
        f"test.csv cannot be written: {run.submission_path}: the members do not give this submission"
    ]


def test_a_damaged_page_is_drawn_again(example: Make, said: list[str]) -> None:
    run = example().write()
    current(run, said.append)
    page = run.page_path.read_bytes()
    run.page_path.write_bytes(page.replace(b"OOF", b"0OF", 1))
    current(run, said.append)
    assert (run.page_path.read_bytes(), said) == (page, [])


def test_the_checksums_of_a_run_follow_its_report(example: Make, said: list[str]) -> None:
    run = example().write()
    run.start_sums()
    run.report_path.unlink()
    current(run, said.append)
    sums = checksums.read(run.path) or {}
    written = {name: checksums.digest(run.path / name) for name in ("report.json", "test.csv", "history.csv")}
    assert {name: sums.get(name) for name in written} == written


def test_a_run_that_another_process_writes_is_reported_but_not_changed(
    example: Make, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = example().write()
    monkeypatch.setattr(run_folder, "_PATIENCE", 0.0)
    with locks.locked(run.path):
        assert current(run, said.append).oof.errors == 2
    assert not run.page_path.exists()
    assert said[-1] == f"the report cannot be written: {run.path}: another process is writing this run"
