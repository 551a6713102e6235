import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.ensembling.sources import changed, find_source, is_same, read_source, read_sources
from kit.errors import KitError, UserError
from kit.members import Member
from kit.records import RunRecord, SourceRun
from kit.run_folder import RUNS, Run

Make = Callable[..., Any]


def source_of(run: Run) -> SourceRun:
    return read_source(run, run.name).source


def ensemble_of(source: SourceRun) -> RunRecord:
    command = "kit ensemble a b"
    return RunRecord.model_validate(
        {
            "config_name": "ensemble",
            "config": {},
            "hash": "",
            "sample": False,
            "origin": {"command": command},
            "sources": [source],
        }
    )


def test_columns_are_those_of_the_run(example: Make) -> None:
    made = example(seeds=(0, 1))
    part = read_source(made.write(), "a")
    assert [str(column.key) for column in part.columns] == ["cnn-s0", "cnn-s1"]
    assert part.members.keys() == made.members.keys()
    rows = made.members[Member("cnn", 1, 0)].val_rows
    np.testing.assert_array_equal(part.columns[0].oof[rows], made.members[Member("cnn", 1, 0)].val_probs)
    assert (part.source.members, part.source.tta) == (4, False)


@pytest.mark.parametrize(
    ("models", "names"), [(("cnn",), ["a-s0"]), (("big", "small"), ["a/big-s0", "a/small-s0"])]
)
def test_labels_have_the_name_of_the_run(example: Make, models: tuple[str, ...], names: list[str]) -> None:
    columns, members = read_source(example(models=models).write(), "a").labelled()
    assert [str(column.key) for column in columns] == names
    assert {f"{member.model}-s{member.seed}" for member in members} == set(names)


def test_a_run_trained_again_identically_is_the_same(example: Make) -> None:
    run = example().write()
    source = source_of(run)
    for path in (run.path / "members").iterdir():
        os.utime(path, ns=(1, 1))
    assert source_of(run).files != source.files
    assert is_same(run, source)
    assert list(changed(ensemble_of(source))) == []


def _replace_member(run: Run) -> None:
    member = Member("cnn", 1, 0)
    result = run.read_member(member)
    run.write_member(member, replace(result, test_probs=result.test_probs[:, ::-1].copy()))


CHANGES: dict[str, Callable[[Run], object]] = {
    "another member": _replace_member,
    "no member": lambda run: run.member_path(Member("cnn", 0, 0)).unlink(),
    "a damaged member": lambda run: run.member_path(Member("cnn", 0, 0)).write_bytes(b"PK"),
    "not finished": lambda run: run.write_record(run.read_record().model_copy(update={"status": "running"})),
    "a damaged record": lambda run: run.info_path.write_text("{"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_run_that_changed_is_named(example: Make, case: str) -> None:
    run = example().write()
    record = ensemble_of(source_of(run))
    CHANGES[case](run)
    assert list(changed(record)) == [
        "its source run example-1a2b3c4d changed since; combine them again: `kit ensemble a b --fresh`"
    ]
    with pytest.raises(KitError, match="source run example-1a2b3c4d changed"):
        read_sources(record)


def test_a_run_with_one_more_seed_changed(example: Make) -> None:
    record = ensemble_of(source_of(example().write()))
    example(seeds=(0, 1)).write()
    assert [text.partition(";")[0] for text in changed(record)] == [
        "its source run example-1a2b3c4d changed since"
    ]


def test_a_run_that_is_gone_is_named(example: Make) -> None:
    run = example().write()
    record = ensemble_of(source_of(run))
    shutil.rmtree(run.path)
    assert list(changed(record)) == [
        "its source run example-1a2b3c4d is not there any more: runs/example-1a2b3c4d"
    ]
    with pytest.raises(KitError, match="source run example-1a2b3c4d is gone"):
        read_sources(record)


def test_a_run_outside_of_runs_is_found(example: Make, workdir: Path) -> None:
    run = example().write()
    moved = Run(run.path.rename(workdir / "elsewhere"))
    source = source_of(moved)
    found = find_source(source)
    assert found
    assert found.path.resolve() == moved.path
    assert is_same(found, source)


def test_a_run_that_moved_to_runs_is_found_by_its_name(example: Make, workdir: Path) -> None:
    run = example().write()
    source = source_of(run).model_copy(update={"path": str(workdir / "gone" / run.name)})
    found = find_source(source)
    assert found
    assert found.path == RUNS / run.name


def test_a_run_of_no_ensemble_has_no_sources(example: Make) -> None:
    record = example().write().read_record()
    assert (list(changed(record)), read_sources(record)) == ([], [])


def test_a_damaged_member_is_named(example: Make) -> None:
    run = example().write()
    run.member_path(Member("cnn", 1, 0)).write_bytes(b"PK")
    with pytest.raises(UserError) as caught:
        read_source(run, "a")
    assert str(caught.value) == (
        "runs/example-1a2b3c4d/members/cnn-f1-s0.npz: missing or damaged\n"
        "rerun the run's command, which trains only what is missing or damaged: kit cv -c example"
    )
