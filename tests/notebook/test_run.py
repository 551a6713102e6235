import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kit
from kit.members import Member
from kit.notebook import markup, tables
from kit.oof import Oof
from kit.run_folder import find_run
from tests.conftest import Example
from tests.keras_files import EMPTY, write_parts

Make = Callable[..., Example]


@pytest.fixture
def run(example: Make) -> kit.Run:
    return kit.Run(example(models=("a", "b"), seeds=(0, 1)).write())


def test_the_oof_table_has_one_line_per_row(run: kit.Run) -> None:
    table = run.oof
    assert list(table.columns) == ["label", "predicted", *(f"p{label}" for label in range(10))]
    assert table.index.name == "row"
    assert table.index.tolist() == list(range(20))
    assert table["label"].dtype == np.int64
    assert (table.iloc[:, 2:].to_numpy().argmax(axis=1) == table["predicted"]).all()


def test_the_test_table_gives_the_submission(run: kit.Run) -> None:
    table = run.test
    assert table.index.name == "ImageId"
    assert table["predicted"].tolist() == run.submission["Label"].tolist()
    assert run.submission["ImageId"].tolist() == table.index.tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("names", [("01", "2"), ("1.0", "2"), ("NA", "no"), ("True", "x"), ("1e3", "7")])
def test_labels_that_are_no_integers_stay_text(tmp_path: Path, names: tuple[str, ...]) -> None:
    from kit import oof

    oof.write(tmp_path / "oof.csv", Oof(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), names))
    table = tables.oof(tmp_path / "oof.csv")
    assert table["label"].tolist() == table["predicted"].tolist() == list(names)


def test_the_members_have_their_figures(run: kit.Run) -> None:
    run._folder.network_path(Member("a", 1, 0)).touch()
    table = run.members
    assert table.index.tolist() == [one.member for one in run.report.members]
    names = ["model", "fold", "seed", "seconds"]
    assert [table[name]["a-f1-s0"] for name in names] == ["a", 1, 0, 11.0]
    assert table["path"].dropna().tolist() == [f"{run.path}/members/a-f1-s0.keras"]


def test_the_path_of_a_network(run: kit.Run) -> None:
    write_parts(run._folder.network_path(Member("a", 1, 0)), EMPTY)
    assert run.network(fold=1) == run.network("a", 1) == run.path / "members/a-f1-s0.keras"
    with pytest.raises(kit.UserError, match=r"there is no network 'a-all-s0'\nexpected one of a-f1-s0$"):
        run.network("a", None)


def test_a_network_that_keras_must_not_load_has_no_path(run: kit.Run) -> None:
    write_parts(run._folder.network_path(Member("a", 1, 0)), {**EMPTY, "config.json": b'{"module": "os"}'})
    with pytest.raises(kit.UserError, match="not a network of kit, so it is not loaded"):
        run.network("a", 1)


def test_without_networks_the_cause_is_named(run: kit.Run) -> None:
    with pytest.raises(kit.UserError, match="there are several models, or no networks"):
        run.network()


def test_a_run_of_an_earlier_version_gets_its_test_table(run: kit.Run) -> None:
    assert not (run.path / "test.csv").exists()
    assert len(run.test) == 5


def test_a_table_that_cannot_be_computed_is_an_error(run: kit.Run) -> None:
    shutil.rmtree(run.path / "members")
    with pytest.raises(kit.UserError, match="this run has no such file"):
        run.test  # noqa: B018


def test_the_history_of_models_without_epochs_is_empty(run: kit.Run) -> None:
    assert run.history.empty
    assert list(run.history.columns[:4]) == ["model", "fold", "seed", "epoch"]


def test_as_text_it_is_two_lines(run: kit.Run) -> None:
    first, second = repr(run).splitlines()
    assert first.startswith("Run example-1a2b3c4d: OOF accuracy 100.000 % (")
    assert second == "8 members in 30.0 s; runs/example-1a2b3c4d/report.html"


def test_it_displays_its_page_in_a_frame(run: kit.Run) -> None:
    page = run._repr_html_()
    assert "<td>100.000</td>" in page
    assert page.count("<iframe srcdoc=") == 1
    assert page.count("&lt;base href=&quot;about:srcdoc&quot;&gt;") == 1


def test_a_page_that_is_too_large_is_only_named(run: kit.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "LARGEST", 1000)
    page = run._repr_html_()
    assert "<iframe" not in page
    assert "Report: runs/example-1a2b3c4d/report.html" in page


@pytest.mark.parametrize("name", ["scores", "ensemble", "confusion", "reliability", "test"])
def test_a_figure_stands_alone(run: kit.Run, name: str) -> None:
    assert name in run.figures
    figure = run.figure(name)
    assert all(svg.startswith("<svg ") and "var(--" not in svg for svg in figure.svg)
    assert figure._repr_html_().count("<svg ") == len(figure.plots) > 0


def test_the_confusion_matrix_counts_every_row(example: Make) -> None:
    run = kit.Run(example().write())
    [plot] = run.figure("confusion").plots
    assert (
        plot.text == "2 rows predicted as another class. The most frequent error: 0 predicted as 1, 2 rows."
    )


def test_an_unknown_figure_is_named_with_the_nearest(run: kit.Run) -> None:
    with pytest.raises(
        kit.UserError, match=r"^there is no figure 'confusoin'; did you mean 'confusion'\?\nexp"
    ):
        run.figure("confusoin")


def test_the_newest_finished_run_is_opened(example: Make) -> None:
    example(name="old", started="2025-01-01T00:00:00Z").write()
    example(name="new", started="2025-01-02T00:00:00Z").write()
    example(name="unfinished", started="2025-01-03T00:00:00Z").write(status="interrupted")
    assert kit.open_run().name == "new"
    assert kit.open_run(Path("runs/old")).name == kit.open_run(kit.open_run("old")).name == "old"
    with pytest.raises(kit.UserError, match=r"runs/unfinished: this run is not finished \(interrupted\)"):
        kit.open_run("unfinished")


def test_the_runs_are_a_table_newest_first(example: Make) -> None:
    example(name="old", started="2025-01-01T00:00:00Z").write()
    example(name="new", started="2025-01-02T00:00:00Z").write(status="interrupted")
    Path("runs/damaged").mkdir()
    Path("runs/damaged/run.json").write_text("{")
    table = kit.runs()
    assert table.index.tolist() == ["new", "old", "damaged"]
    assert table["status"].tolist() == ["interrupted", "complete", "unreadable"]
    assert [table[name]["old"] for name in ("score", "errors", "members")] == [0.9, 2, 2]
    assert table.loc["new", ["score", "errors"]].isna().all()
    assert table.loc["old", "started"] == pd.Timestamp("2025-01-01T00:00:00Z")


def test_without_runs_the_table_is_empty(workdir: Path) -> None:
    assert not list(workdir.iterdir())
    assert kit.runs().empty


def test_an_error_has_no_traceback_in_a_notebook() -> None:
    error = kit.UserError("no such file", where="a.csv", hint="look at --token=abcdefgh1234")
    assert error._render_traceback_() == ["UserError: a.csv: no such file\nlook at --token=***"]


def test_verify_names_what_is_damaged(run: kit.Run) -> None:
    folder = find_run(str(run.path))
    folder.start_sums()
    assert run.verify() == ()
    folder.oof_path.unlink()
    assert run.verify() == (f"{folder.oof_path}: missing",)
