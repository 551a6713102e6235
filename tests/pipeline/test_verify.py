"""Damage to the files of a run: what `kit cv --verify` names, and what `kit cv` repairs."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit import locks
from kit.checksums import SUMS
from kit.errors import UserError
from kit.members import Member, MemberResult
from kit.pipeline.verify import verify
from kit.run_folder import Run
from tests.pipeline.conftest import edit

Cv = Callable[..., Any]
DAMAGED = Member("knn", 2, 0)


def flip(path: Path, place: int = -100) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


def names(run: Run) -> dict[str, str]:
    """Return what is wrong with each file of a run."""
    return {one.path.relative_to(run.path).as_posix(): one.what for one in verify(run).findings}


def forget_sums(run: Run) -> None:
    """Make the run one of an earlier version, which has no checksums."""
    (run.path / SUMS).unlink()
    content = json.loads(run.info_path.read_text())
    del content["checksum"]
    run.info_path.write_text(json.dumps(content))


def test_nothing_is_wrong_with_a_finished_run(cv: Cv) -> None:
    run, _, _ = cv()
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    assert str(verify(run)) == "4 members, 14 files: nothing wrong"
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


@pytest.mark.parametrize(
    "name",
    [
        "run.json", "folds.npy", "oof.csv", "submission.csv", "test.csv", "ensemble.json", "report.json",
        "images.npz", "members/knn-f2-s0.npz",
    ],
)  # fmt: skip
def test_a_changed_bit_is_named(cv: Cv, name: str) -> None:
    run, _, _ = cv()
    flip(run.path / name)
    [found] = names(run)
    assert found == name


@pytest.mark.parametrize("name", [SUMS, "oof.csv", "history.csv", "members/knn-f2-s0.npz"])
def test_a_deleted_file_is_named(cv: Cv, name: str) -> None:
    run, _, _ = cv()
    (run.path / name).unlink()
    assert names(run) == {name: "missing"}


def test_the_summary_counts_what_is_damaged(cv: Cv) -> None:
    run, _, _ = cv()
    flip(run.oof_path)
    flip(run.member_path(DAMAGED))
    assert str(verify(run)) == "2 of 14 files are damaged: members/knn-f2-s0.npz, oof.csv"


def test_a_file_that_no_line_covers_is_named(cv: Cv) -> None:
    run, _, _ = cv()
    shutil.copy(run.member_path(DAMAGED), run.member_path(Member("knn", 9, 9)))
    assert names(run) == {"members/knn-f9-s9.npz": "it is not listed in SHA256SUMS"}


def test_members_that_an_interrupted_run_lacks_are_counted(cv: Cv) -> None:
    run, _, _ = cv()
    run.member_path(DAMAGED).unlink()
    run.write_record(run.read_record().model_copy(update={"status": "interrupted"}))
    assert str(verify(run)) == "3 members, 14 files: nothing wrong; 1 member not trained yet"


def test_a_run_that_is_being_written_is_not_verified(cv: Cv) -> None:
    run, _, _ = cv()
    with locks.locked(run.path), pytest.raises(UserError, match="another process is writing this run"):
        verify(run)


def test_a_run_of_an_earlier_version_has_nothing_to_compare_with(cv: Cv) -> None:
    run, _, _ = cv()
    forget_sums(run)
    assert str(verify(run)).endswith(
        "an earlier version of kit made this run: there are no checksums to compare with"
    )


@pytest.mark.parametrize("name", ["oof.csv", "images.npz", "report.json", "members/knn-f2-s0.npz"])
def test_a_truncated_file_of_an_earlier_version_is_named(cv: Cv, name: str) -> None:
    run, _, _ = cv()
    forget_sums(run)
    path = run.path / name
    path.write_bytes(path.read_bytes()[:-100])
    assert list(names(run)) == [name]


CONTENT: dict[str, tuple[Callable[[MemberResult], dict[str, Any]], str]] = {
    "other rows": (
        lambda one: {"val_rows": one.val_rows + 1},
        "it predicts other rows than fold 2 holds out",
    ),
    "NaN": (lambda one: {"val_probs": one.val_probs * np.nan}, "val_probs contains rows that are not prob"),
    "sums": (lambda one: {"test_probs": one.test_probs / 2}, "test_probs contains rows that are not prob"),
    "negative": (lambda one: {"test_probs": one.test_probs - [0.5, -0.5, *[0] * 8]}, "test_probs is float64"),
    "dtype": (lambda one: {"val_probs": one.val_probs.astype(float)}, "val_probs is float64 of shape"),
    "test rows": (lambda one: {"test_probs": one.test_probs[1:]}, "test_probs is float32 of shape"),
    "hash": (
        lambda one: {"history": one.history.model_copy(update={"hash": "0" * 64})},
        "it was trained for other data or settings",
    ),
}


@pytest.mark.parametrize("case", CONTENT)
def test_a_member_whose_content_is_wrong_is_named(cv: Cv, case: str) -> None:
    run, _, _ = cv()
    change, what = CONTENT[case]
    result = run.read_member(DAMAGED)
    run.write_member(DAMAGED, replace(result, **change(result)))
    assert names(run)["members/knn-f2-s0.npz"].startswith(what)


def test_a_damaged_member_is_named_kept_aside_and_trained_again(cv: Cv) -> None:
    run, _, _ = cv()
    path, oof = run.member_path(DAMAGED), run.oof_path.read_bytes()
    flip(path)
    damaged = path.read_bytes()
    _, complete, record = cv()
    assert (complete, record.planned) == (False, ["knn-f2-s0"])
    assert record.said == [
        f"{path}: its checksum differs from the one in SHA256SUMS; moved to {run.path}/members/damaged/, "
        "the member is trained again"
    ]
    assert (path.parent / "damaged" / path.name).read_bytes() == damaged
    assert run.oof_path.read_bytes() == oof
    assert names(run) == {}


def test_a_file_kept_aside_never_replaces_another(cv: Cv) -> None:
    run, _, _ = cv()
    path = run.member_path(DAMAGED)
    for place in (-100, -101):
        flip(path, place)
        cv()
    assert sorted(one.name for one in (path.parent / "damaged").iterdir()) == [
        "knn-f2-s0-2.npz", "knn-f2-s0.npz",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["oof.csv", "submission.csv", "ensemble.json", "history.csv", "folds.npy"])
def test_a_damaged_result_is_made_again_without_training(cv: Cv, name: str) -> None:
    run, _, _ = cv()
    path = run.path / name
    content = path.read_bytes()
    flip(path, -5)
    _, complete, record = cv()
    assert (complete, record.planned, len(record.said)) == (False, [], 1)
    assert path.read_bytes() == content
    assert (run.path / "damaged" / name).is_file()
    assert names(run) == {}


@pytest.mark.parametrize("damage", [lambda path: path.write_text("{"), lambda path: edit(path, rows=99)])
def test_a_damaged_record_costs_no_member(cv: Cv, damage: Callable[[Path], object]) -> None:
    run, _, _ = cv()
    damage(run.info_path)
    _, _, record = cv()
    assert record.planned == []
    [line] = record.said
    assert line.startswith(f"{run.info_path}: ")
    assert line.endswith(f"moved to {run.path}/damaged/, it is written again")
    assert names(run) == {}


def test_without_its_record_a_run_of_other_settings_is_refused(cv: Cv) -> None:
    run, _, _ = cv(name="mine")
    run.info_path.unlink()
    with pytest.raises(UserError, match="its members were trained for other data or settings"):
        cv({"folds": {"seed": 5}}, name="mine")
    assert all(run.has(member) for member in [DAMAGED])


def test_damaged_checksums_are_written_again(cv: Cv) -> None:
    run, _, _ = cv()
    flip(run.path / SUMS)
    _, _, record = cv()
    assert record.planned == []
    [line] = record.said
    assert line.startswith(f"{run.path / SUMS}: damaged: ")
    assert names(run) == {}


def test_a_complete_run_of_an_earlier_version_stays_as_it_is(cv: Cv) -> None:
    run, _, _ = cv()
    forget_sums(run)
    before = {path.name for path in run.path.iterdir()}
    _, complete, record = cv()
    assert (complete, record.said) == (True, [])
    assert {path.name for path in run.path.iterdir()} == before


def test_a_run_of_an_earlier_version_gets_checksums_when_it_is_extended(cv: Cv) -> None:
    run, _, _ = cv()
    forget_sums(run)
    _, _, record = cv({"seeds": 2})
    assert len(record.planned) == 4
    assert str(verify(run)) == "8 members, 18 files: nothing wrong"


def test_an_unfinished_run_on_other_data_is_mentioned(cv: Cv, competition: Path) -> None:
    run, _, _ = cv()
    run.member_path(DAMAGED).unlink()
    run.write_record(run.read_record().model_copy(update={"status": "interrupted"}))
    path = competition / "train.csv"
    first, rest = path.read_text().split("\n", 1)
    path.write_text(f"{first}\n9{rest[1:]}")
    other, _, record = cv()
    assert record.said == [
        f"{run.path} has 3 of 4 members of this configuration, but on other data: this starts a new run, "
        f"{other.path}"
    ]


def test_a_named_run_on_other_data_is_refused(cv: Cv, competition: Path) -> None:
    run, _, _ = cv(name="mine")
    path = competition / "train.csv"
    first, rest = path.read_text().split("\n", 1)
    path.write_text(f"{first}\n9{rest[1:]}")
    data = run.read_record().fingerprint[:8]
    with pytest.raises(UserError, match=rf"this run used different settings \(data: {data} in the run"):
        cv(name="mine")
