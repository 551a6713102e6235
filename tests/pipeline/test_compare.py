import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from kit import config
from kit.data.source import load
from kit.errors import UserError
from kit.images import Images
from kit.oof import Oof
from kit.pipeline.compare import compare, draw
from kit.records import RunComparison
from kit.run_folder import RUNS, Run
from tests.comparisons import DIGITS, planted, probabilities

pytestmark = pytest.mark.usefixtures("workdir")
LABELS = np.arange(1000) % 10
VERSION_1 = Path(__file__).parents[1] / "version_1"
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")


def digits(name: str, wrong: range, **more: Any) -> Run:
    return planted(name, LABELS, probabilities(LABELS, wrong), **more)


def test_a_run_does_not_differ_from_itself() -> None:
    run = digits("a", range(20))
    found = compare([run, run])
    pair = found.pairs[0]
    assert (pair.verdict, pair.p, pair.p_corrected) == ("no difference", 1, 1)
    assert (pair.difference, pair.interval, pair.loss_difference, pair.loss_interval) == (
        0,
        (0, 0),
        0,
        (0, 0),
    )
    assert (pair.gained, pair.lost, found.changed) == (0, 0, ())
    assert [one.run for one in found.contenders] == ["a", "a"]


def test_fewer_errors_are_better() -> None:
    found = compare([digits("a", range(40), seconds=60.0), digits("b", range(30, 50), seconds=90.0)])
    pair = found.pairs[0]
    assert (pair.a, pair.b, pair.verdict, pair.rows) == ("a", "b", "better", 1000)
    assert (pair.gained, pair.lost) == (30, 10)
    assert pair.difference == pytest.approx(0.02)
    assert pair.interval[0] < 0.02 < pair.interval[1]
    assert pair.p == pytest.approx(binomtest(10, 40).pvalue)
    assert pair.seconds_difference == 30
    assert [one.score.errors for one in found.contenders] == [40, 20]
    assert [one.training_seconds for one in found.contenders] == [60, 90]


def test_the_other_order_gives_the_opposite() -> None:
    runs = digits("a", range(40)), digits("b", range(30, 50))
    forward, backward = (compare(order).pairs[0] for order in (runs, runs[::-1]))
    assert (forward.verdict, backward.verdict) == ("better", "worse")
    assert forward.difference == pytest.approx(-(backward.difference or 0))
    assert forward.interval == pytest.approx((-backward.interval[1], -backward.interval[0]))
    assert forward.loss_difference == pytest.approx(-backward.loss_difference)
    assert (forward.gained, forward.lost, forward.p) == (backward.lost, backward.gained, backward.p)


def test_a_few_errors_of_many_rows_are_no_difference() -> None:
    pair = compare([digits("a", range(40)), digits("b", range(5, 42))]).pairs[0]
    assert (pair.verdict, pair.gained, pair.lost) == ("no difference", 5, 2)


def test_changed_rows_name_what_each_run_predicts() -> None:
    found = compare(
        [digits("a", range(3)), planted("b", LABELS, probabilities(LABELS, range(2, 4), top=0.8))]
    )
    assert [(one.row, one.label) for one in found.changed] == [(0, 0), (1, 1), (3, 3)]
    last = found.changed[2]
    assert [one.model_dump() for one in last.predictions] == [
        {"predicted": 3, "confidence": 0.9, "probability": 0.9, "correct": True},
        {"predicted": 4, "confidence": 0.8, "probability": pytest.approx(0.2 / 9), "correct": False},
    ]
    assert last.loss_change == pytest.approx(np.log(0.9 / (0.2 / 9)))


def test_several_runs_are_corrected_by_holm() -> None:
    found = compare([digits("a", range(40)), digits("b", range(30, 50)), digits("c", range(25, 50))])
    assert [(one.a, one.b) for one in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    _, expected, _, _ = multipletests([one.p for one in found.pairs], method="holm")
    assert [one.p_corrected for one in found.pairs] == pytest.approx(list(expected))
    assert [one.verdict for one in found.pairs] == ["better", "better", "no difference"]


def test_the_order_of_rows_in_the_files_does_not_count() -> None:
    rng = np.random.default_rng(0)
    probs = [rng.dirichlet(np.ones(10), len(LABELS)) for _ in "ab"]
    orders = [rng.permutation(len(LABELS)) for _ in "ab"]
    plain = compare([planted(name, LABELS, own) for name, own in zip("ab", probs, strict=True)])
    shuffled = compare(
        [
            planted(name, LABELS[order], own[order], rows=order)
            for name, own, order in zip("ab", probs, orders, strict=True)
        ]
    )
    assert shuffled == plain


def test_only_shared_rows_are_compared() -> None:
    runs = [
        planted("a", LABELS[:600], probabilities(LABELS[:600], range(100))),
        planted("b", LABELS[400:], probabilities(LABELS[400:], range(10)), rows=np.arange(400, 1000)),
    ]
    found = compare(runs)
    assert found.rows == found.pairs[0].rows == 200
    assert [one.score.errors for one in found.contenders] == [0, 10]
    assert [one.row for one in found.changed] == list(range(400, 410))
    assert found.notes == ("a has 600 rows; 200 are shared.", "b has 600 rows; 200 are shared.")


def test_runs_with_other_folds_are_compared() -> None:
    found = compare([digits("a", range(40)), digits("b", range(40), folds=5)])
    assert found.notes == (
        "Numbers of folds differ (a 2, b 5): with more folds, members have more training rows.",
    )


@pytest.mark.parametrize("metric", ["auc", "log_loss", "macro_f1"])
def test_the_verdict_is_about_the_metric(metric: str) -> None:
    found = compare([digits("a", range(60), metric=metric), digits("b", range(10), metric=metric)])
    assert (found.metric, found.pairs[0].verdict) == (metric, "better")


def test_a_lower_log_loss_is_better_without_fewer_errors() -> None:
    runs = [
        planted(name, LABELS, probabilities(LABELS, range(30), top=top), metric="log_loss")
        for name, top in (("a", 0.7), ("b", 0.9))
    ]
    pair = compare(runs).pairs[0]
    assert (pair.verdict, pair.gained, pair.lost) == ("better", 0, 0)


def test_the_metric_of_the_first_run_counts() -> None:
    found = compare([digits("a", range(40)), digits("b", range(20), metric="log_loss")])
    assert found.metric == "accuracy"
    assert found.notes == ("b has another metric, log loss; the accuracy of a is used for all.",)


def test_text_labels() -> None:
    labels = np.arange(520) % 26
    found = compare(
        [
            planted(name, labels, probabilities(labels, range(wrong), 26), names=LETTERS)
            for name, wrong in (("a", 30), ("b", 10))
        ]
    )
    assert found.labels == LETTERS
    assert (found.pairs[0].verdict, found.pairs[0].gained) == ("better", 20)


def test_a_run_of_version_1_is_compared_by_its_labels() -> None:
    old = Run(RUNS / "old")
    shutil.copytree(VERSION_1, old.path)
    report = old.read_report()
    scored = report.oof.model_copy(update={"rows": len(LABELS)})
    old.write_report(report.model_copy(update={"oof": scored}))
    old.write_oof(Oof(LABELS, probabilities(LABELS, range(20)), DIGITS))
    found = compare([digits("a", range(40)), old])
    assert (found.pairs[0].verdict, found.pairs[0].gained) == ("better", 20)
    assert (found.contenders[1].config, found.contenders[1].ensemble) == ("default", "mean")
    assert found.fingerprint == "ab" * 32
    assert found.notes[0] == (
        "old was made by an earlier version of kit, and its data fingerprint cannot be compared; "
        "its labels are the same."
    )


def test_a_run_of_version_1_does_not_hide_that_others_differ() -> None:
    old = digits("old", range(20), labels=(), fingerprint="cd" * 32)
    with pytest.raises(UserError, match=r"^a and b: these runs are on different data"):
        compare([old, digits("a", range(3)), digits("b", range(3), fingerprint="ef" * 32)])


def test_runs_of_one_name_in_two_folders_are_told_apart(workdir: Path) -> None:
    first = digits("a", range(40))
    moved = first.path.rename(workdir / "a")
    found = compare([digits("a", range(20)), Run(Path(moved.name)), digits("b", range(20))])
    assert [one.run for one in found.contenders] == ["runs/a", "a", "b"]


HINT = "train one of them again on the data of the other: kit cv"
EXPECTED = "a and b: these runs are on different data\nexpected the same rows, labels and classes, received "
REFUSED: dict[str, tuple[Callable[[], Run], str]] = {
    "sample": (
        lambda: digits("b", range(3), sample=True),
        f"{EXPECTED}the competition's data and the bundled sample\n{HINT}",
    ),
    "fingerprint": (
        lambda: digits("b", range(3), fingerprint="cd" * 32),
        f"{EXPECTED}1,000 rows (fingerprint abababab) and 1,000 rows (fingerprint cdcdcdcd)\n{HINT}",
    ),
    "classes": (
        lambda: planted("b", LABELS, probabilities(LABELS, [], 26), names=LETTERS),
        f"{EXPECTED}10 classes (0, 1, 2, …) and 26 classes (a, b, c, …)\n{HINT}",
    ),
    "class names": (
        lambda: planted("b", LABELS, probabilities(LABELS, []), names=(*"012", "cat", *"456789")),
        f"{EXPECTED}class 3 '3' and class 3 'cat'\n{HINT}",
    ),
    "labels": (
        lambda: planted("b", LABELS[::-1].copy(), probabilities(LABELS[::-1], [])),
        f"{EXPECTED}other labels in 1,000 of 1,000 rows, as in row 0: 0 and 9\n{HINT}",
    ),
    "rows": (
        lambda: planted("b", LABELS, probabilities(LABELS, []), rows=np.arange(1000, 2000)),
        f"{EXPECTED}rows 0 to 999 and rows 1000 to 1999\n{HINT}",
    ),
    "unfinished": (
        lambda: digits("b", range(3), status="failed"),
        "runs/b: not finished (failed); only finished runs can be compared\n"
        "rerun the command that started it to resume: kit cv -c default …",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_runs_that_cannot_be_compared_are_refused(case: str) -> None:
    make, message = REFUSED[case]
    with pytest.raises(UserError) as caught:
        compare([digits("a", range(3)), make()])
    assert str(caught.value) == message


def test_a_single_run_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        compare([digits("a", range(3))])
    assert str(caught.value) == (
        "a single run cannot be compared\nexpected two or more runs\nkit runs lists them"
    )


def test_the_record_is_read_as_written() -> None:
    found = compare([digits("a", range(40)), digits("b", range(20))])
    assert RunComparison.model_validate_json(found.model_dump_json()) == found


def test_the_page_shows_images_that_a_run_stores() -> None:
    runs = [digits("a", range(3)), digits("b", range(0))]
    runs[1].write_images(Images({1: np.full((28, 28, 1), 77, np.uint8)}))
    said: list[str] = []
    path = draw(compare(runs), runs, said.append)
    assert path == Path("runs/comparisons/a-vs-b.html")
    page = path.read_text()
    assert re.findall(r'alt="(Row [^"]+)"', page) == ["Row 1, label 1"]
    assert page.count("image not stored") == 2
    assert said == []


def test_the_page_shows_images_of_the_data_on_this_machine(
    workdir: Path, write_competition: Callable[..., None]
) -> None:
    write_competition(workdir / "data")
    dataset = load(config.load("default"))
    labels = np.asarray(dataset.train_labels, np.int64)
    runs = [
        planted(name, labels, probabilities(labels, wrong), fingerprint=dataset.fingerprint)
        for name, wrong in (("a", range(3)), ("b", range(0)))
    ]
    path = draw(compare(runs), runs, print)
    assert path
    assert path.read_text().count('src="data:image/png') == 3


def test_the_page_shows_no_image_of_other_data(workdir: Path, write_competition: Callable[..., None]) -> None:
    write_competition(workdir / "data")
    runs = [digits("a", range(3)), digits("b", range(0))]
    path = draw(compare(runs), runs, print)
    assert path
    assert "data:image/png" not in path.read_text()


def test_a_page_that_cannot_be_drawn_does_not_hide_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no font")

    monkeypatch.setattr("kit.pipeline.compare.write_page", broken)
    runs, said = [digits("a", range(3)), digits("b", range(0))], list[str]()
    assert draw(compare(runs), runs, said.append) is None
    assert said == ["the page cannot be drawn: ValueError: no font"]


def test_a_truncated_table_is_refused() -> None:
    whole, cut = digits("whole", range(3)), digits("cut", range(0))
    lines = cut.oof_path.read_text().splitlines(keepends=True)
    cut.oof_path.write_text("".join(lines[:94]))
    with pytest.raises(UserError, match=r"runs/cut/oof\.csv: damaged\nexpected 1,000 rows.*, received 93\n"):
        compare([whole, cut])


def test_an_interrupt_within_an_import_ends_the_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.setattr("kit.pipeline.compare.write_page", interrupted)
    runs = [digits("a", range(3)), digits("b", range(0))]
    comparison = compare(runs)
    with pytest.raises(KeyboardInterrupt):
        draw(comparison, runs, print)
