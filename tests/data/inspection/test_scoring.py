from pathlib import Path

import numpy as np
import pytest

from kit.config import Competition
from kit.task.format import make_format
from kit.task.labels import LabelEncoder
from tests.inspected import conclude, lines, pixel_rows, values, write_csv, write_images


def competition(folder: Path, labels: list[object], header: list[str], cells: list[object]) -> Path:
    rows = [[f"x{place}", labels[place % len(labels)]] for place in range(24)]
    write_csv(folder / "train.csv", ["id", "label"], rows)
    write_csv(folder / "sample_submission.csv", header, [[f"t{place}", *cells] for place in range(4)])
    write_images(folder / "train", [f"x{place}.png" for place in range(24)])
    write_images(folder / "test", [f"t{place}.png" for place in range(4)])
    return folder


def test_a_column_per_class_means_log_loss(tmp_path: Path) -> None:
    found = conclude(competition(tmp_path, ["a", "b", "c", "d"], ["id", *"badc"], [0.25] * 4))
    assert values(found)["metric"] == "log_loss"
    assert "submission.format" not in values(found)
    assert "submission.columns" not in values(found)
    assert lines(found)["submission"] == "probabilities, one column per class, because the sample holds 1/4"
    assert lines(found)["metric"] == "unknown, log loss assumed"


def test_columns_with_other_names_are_written_for_correction(tmp_path: Path) -> None:
    found = values(conclude(competition(tmp_path, ["a", "b", "c"], ["id", "pa", "pb", "pc"], [0, 0, 1])))
    assert found["submission.columns"] == ("pa", "pb", "pc")


def test_a_fraction_for_two_classes_means_auc(tmp_path: Path) -> None:
    found = values(conclude(competition(tmp_path, [0, 1], ["id", "has_cactus"], [0.5])))
    assert (found["metric"], found["submission.positive"]) == ("auc", "1")
    assert found["prediction_column"] == "has_cactus"


def test_the_label_in_the_header_is_the_positive_one(tmp_path: Path) -> None:
    found = values(conclude(competition(tmp_path, ["cat", "dog"], ["id", "Cat"], [0.5])))
    assert found["submission.positive"] == "cat"


@pytest.mark.parametrize(
    ("labels", "cell"), [([3, 5, 7], 0), (["cat", "dog"], "cat"), (["a", "b", "c"], "a")]
)
def test_labels_mean_accuracy(tmp_path: Path, labels: list[object], cell: object) -> None:
    found = values(conclude(competition(tmp_path, labels, ["id", "label"], [cell])))
    assert found["metric"] == "accuracy"
    assert "submission.format" not in found


def test_two_columns_for_two_classes_are_written_down(tmp_path: Path) -> None:
    found = values(conclude(competition(tmp_path, ["a", "b"], ["id", "b", "a"], [0.5, 0.5])))
    assert (found["metric"], found["submission.format"]) == ("log_loss", "probabilities")


@pytest.mark.parametrize("metric", ["auc", "accuracy"])
def test_a_guessed_metric_is_corrected_in_one_line(tmp_path: Path, metric: str) -> None:
    found = conclude(competition(tmp_path, ["cat", "dog"], ["id", "label"], [0]))
    section = {one.key.removeprefix("competition.submission."): one.value for one in found.settings}
    submission = {key: section[key] for key in ("positive", "values")}
    made = Competition.model_validate({"metric": metric, "submission": submission})
    form = make_format(made, LabelEncoder(("cat", "dog")))
    cells = {"auc": "0.75", "accuracy": "1"}
    assert form.to_cells(np.array([[0.25, 0.75]])) == [[cells[metric]]]


def test_zeros_for_two_classes_are_a_question(tmp_path: Path) -> None:
    folder = competition(tmp_path, [0, 1], ["id", "label"], [0])
    found = conclude(folder)
    comment = next(one.comment for one in found.settings if one.key == "competition.metric")
    assert values(found)["metric"] == "auc"
    assert comment == (
        "a guess: Which metric has the competition? auc (the submission holds probabilities), "
        "or accuracy (the submission holds labels)"
    )
    assert values(conclude(folder, answer="accuracy"))["metric"] == "accuracy"
    assert lines(conclude(folder, answer="auc"))["metric"] == "AUC, as you answered"


def test_a_known_competition_has_its_metric(tmp_path: Path) -> None:
    folder = competition(tmp_path, [0, 1], ["id", "label"], [0])
    found = conclude(folder, "histopathologic-cancer-detection")
    assert values(found)["metric"] == "auc"
    assert lines(found)["metric"] == "AUC, known for histopathologic-cancer-detection"


def test_files_of_another_kind_are_not_those_of_the_known_competition(tmp_path: Path) -> None:
    folder = competition(tmp_path, ["a", "b", "c"], ["id", "label"], ["a"])
    assert values(conclude(folder, "dog-breed-identification"))["metric"] == "accuracy"


@pytest.mark.parametrize(
    ("labels", "predicted", "submitted"),
    [
        (["1.0", "2.0", "4.0"], 1, {"1.0": "1", "2.0": "2", "4.0": "4"}),
        (["01", "1", "2"], 2, None),
        (["cat", "dog", "emu"], 0, {"cat": "0", "dog": "1", "emu": "2"}),
    ],
)
def test_labels_are_submitted_as_the_numbers_that_the_sample_holds(
    tmp_path: Path, labels: list[str], predicted: int, submitted: dict[str, str] | None
) -> None:
    names = [f"pixel{number}" for number in range(64)]
    write_csv(tmp_path / "train.csv", ["label", *names], pixel_rows(30, 64, labels))
    write_csv(tmp_path / "test.csv", names, pixel_rows(3, 64))
    write_csv(tmp_path / "sample_submission.csv", ["id", "label"], [[n, predicted] for n in (1, 2, 3)])
    assert values(conclude(tmp_path)).get("submission.values") == submitted


def test_blanks_in_the_header_of_a_sample_are_kept(tmp_path: Path) -> None:
    found = values(conclude(competition(tmp_path, ["a", "b", "c"], ["id ", " label"], ["a"])))
    assert (found["id_column"], found["prediction_column"]) == ("id ", " label")
