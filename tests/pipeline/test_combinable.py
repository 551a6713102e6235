import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kit.checksums import SUMS
from kit.ensembling.sources import SourceColumns
from kit.errors import UserError
from kit.members import Member
from kit.pipeline.combinable import read_columns, read_combinable
from kit.pipeline.ensemble import Settings, ensemble
from kit.run_folder import RUNS, Run
from tests.pipeline.conftest import ROWS, Cv, edit


def read(runs: list[Run], method: str = "mean") -> list[SourceColumns]:
    return read_columns(read_combinable(runs), method, tta=None)


def test_columns_are_those_of_each_run(runs: list[Run]) -> None:
    parts = read(runs)
    assert [(part.source.name, len(part.columns)) for part in parts] == [("a", 1), ("b", 2)]
    np.testing.assert_allclose(parts[0].columns[0].oof, runs[0].read_oof().probs, rtol=1e-6)


def test_views_need_a_network_that_predicts_them(runs: list[Run]) -> None:
    with pytest.raises(UserError, match=r"ensemble\.tta=true: no network of these runs predicts views"):
        read_columns(read_combinable(runs), "mean", tta=True)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def _member(run: Run) -> Path:
    return run.member_path(Member("knn", 2, 1))


def _spoil(run: Run) -> None:
    arrays = dict(np.load(_member(run)))
    arrays["val_probs"][3] = np.nan
    np.savez(_member(run), **arrays)


def _shorten(run: Run) -> None:
    for path in (run.path / "members").glob("*.npz"):
        arrays = dict(np.load(path))
        arrays["test_probs"] = arrays["test_probs"][:-1]
        np.savez(path, **arrays)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _reorder_classes(run: Run) -> None:
    _replace(run.oof_path, ",p0,p1,", ",p1,p0,")


REFUSED: dict[str, tuple[Callable[[Run], object], str]] = {
    "sample": (lambda run: edit(run.info_path, sample=True), "a and b: these runs are on different data"),
    "data": (lambda run: edit(run.info_path, fingerprint="cd" * 32), "a and b: these runs are on different"),
    "classes": (_reorder_classes, "a and b: these runs are on different data.*class 0 '0' and class 0 '1'"),
    "metric": (
        lambda run: edit(run.report_path, metric="log_loss"),
        "a and b: these runs have different metrics",
    ),
    "test ids": (
        lambda run: _replace(run.submission_path, "\n1,", "\n77,"),
        "test row 0 with id 1 and test row 0 with id 77",
    ),
    "test rows": (
        lambda run: run.submission_path.write_text("\n".join(run.submission_path.read_text().split()[:-1])),
        "30 test rows and 29 test rows",
    ),
    "running": (lambda run: edit(run.info_path, status="running"), r"runs/b: not finished \(interrupted\)"),
    "interrupted": (lambda run: edit(run.info_path, status="interrupted"), "runs/b: not finished"),
    "failed": (lambda run: edit(run.info_path, status="failed"), r"runs/b: not finished \(failed\)"),
    "no run.json": (lambda run: run.info_path.unlink(), "run.json"),
    "damaged run.json": (lambda run: run.info_path.write_text("{"), r"runs/b/run\.json: not readable"),
    "no report": (lambda run: run.report_path.unlink(), r"runs/b/report\.json: .*\ncompute it: kit report b"),
    "no table": (lambda run: run.oof_path.unlink(), r"runs/b/oof\.csv: missing or damaged"),
    "short table": (lambda run: _truncate(run.oof_path), r"runs/b/oof\.csv: .*damaged"),
    "NaN in the table": (lambda run: _replace(run.oof_path, ",0.", ",nan"), r"runs/b/oof\.csv: .*damaged"),
    "no submission": (lambda run: run.submission_path.unlink(), r"runs/b/submission\.csv: missing"),
    "empty submission": (
        lambda run: run.submission_path.write_text(""),
        r"runs/b/submission\.csv: missing or damaged",
    ),
    "no folds": (lambda run: run.folds_path.unlink(), r"runs/b/folds\.npy: missing or damaged"),
    "short folds": (lambda run: _truncate(run.folds_path), r"runs/b/folds\.npy: missing or damaged"),
    "folds of other seeds": (
        lambda run: run.write_folds(np.zeros((1, ROWS), np.int8)),
        r"runs/b/folds\.npy: damaged\nexpected one row for each of 2 seeds, received an array of shape",
    ),
    "other folds": (
        lambda run: run.write_folds(np.zeros((2, ROWS), np.int8)),
        "runs/b: member knn-f0-s1: it predicts other rows than fold 0 holds out",
    ),
    "no member": (lambda run: _member(run).unlink(), r"runs/b/members/knn-f2-s1\.npz: missing or damaged"),
    "short member": (lambda run: _truncate(_member(run)), r"knn-f2-s1\.npz: missing or damaged"),
    "empty member": (lambda run: _member(run).write_bytes(b""), r"knn-f2-s1\.npz: missing or damaged"),
    "NaN in a member": (_spoil, r"runs/b: member knn-f2-s1: 1 of its 25 held-out rows are not probabilities"),
    "members of other test rows": (_shorten, "runs/b: damaged: its members do not fit its oof.csv"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_runs_that_do_not_fit_are_refused(runs: list[Run], case: str) -> None:
    damage, message = REFUSED[case]
    (runs[1].path / SUMS).unlink()  # as in a run of an earlier version: the content alone can be checked
    damage(runs[1])
    with pytest.raises(UserError, match=f"(?s){message}") as caught:
        read(runs)
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize("other", ["runs/a", "runs/a/", "link", "/a"])
def test_a_run_is_named_once(runs: list[Run], workdir: Path, other: str) -> None:
    (workdir / "link").symlink_to(runs[0].path.resolve())
    path = runs[0].path.resolve() if other == "/a" else Path(other)
    with pytest.raises(UserError) as caught:
        read([runs[0], runs[1], Run(path)])
    assert str(caught.value) == (
        "a: this run is named twice\nname each run once; the method decides how much each column counts"
    )


def test_a_copy_of_a_run_is_the_same_run(runs: list[Run]) -> None:
    shutil.copytree(runs[0].path, RUNS / "copy")
    with pytest.raises(UserError, match=r"^a and copy: these runs have the same predictions"):
        read([runs[0], Run(RUNS / "copy")])


def test_the_runs_of_an_ensemble_are_named_each_once(cv: Cv, runs: list[Run], workdir: Path) -> None:
    moved = Run(cv({"seeds": [3]}, name="c")[0].path.rename(workdir / "my run"))
    made, _ = ensemble([runs[0], Run(Path("my run"))], Settings("mean"), print, name="both")
    with pytest.raises(UserError) as caught:
        read([runs[1], made, runs[0]])
    assert moved.is_finished()
    assert str(caught.value) == (
        "both: this is an ensemble, and an ensemble cannot be combined\n"
        "combine the runs that it consists of: kit ensemble b a 'my run'"
    )


@pytest.mark.parametrize("method", ["weighted", "greedy", "stack", "best"])
def test_one_column_is_refused_by_a_method_that_fits_weights(runs: list[Run], method: str) -> None:
    with pytest.raises(UserError) as caught:
        read(runs[:1], method)
    assert str(caught.value) == (
        f"a: method {method} needs two columns or more, and there is one\n"
        "add a run, train more seeds, or choose --method mean"
    )


@pytest.mark.parametrize("method", ["mean", "auto"])
def test_other_methods_accept_one_column(runs: list[Run], method: str) -> None:
    [part] = read(runs[:1], method)
    assert [str(column.key) for column in part.columns] == ["knn-s0"]
