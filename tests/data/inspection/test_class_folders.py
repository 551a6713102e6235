from pathlib import Path

import pytest

from tests.inspected import conclude, lines, values, write_csv, write_images


def write_classes(folder: Path, names: str = "abcdef") -> None:
    for kind in ("Black-grass", "Loose Silky-bent"):
        write_images(folder / kind, [f"{kind[0]}{name}.png" for name in names], (70, 70))


def test_folders_are_classes(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    write_images(tmp_path / "test", ["1.png", "2.png"])
    found = conclude(tmp_path)
    assert (values(found)["form"], values(found)["train_images"]) == ("folders", "train")
    assert lines(found)["labels"] == (
        "2 strings (Black-grass, Loose Silky-bent), the names of the folders in train/"
    )


def test_folders_within_folders(tmp_path: Path) -> None:
    write_classes(tmp_path / "imgs/train")
    write_images(tmp_path / "imgs/test", ["1.png"])
    found = values(conclude(tmp_path))
    assert (found["train_images"], found["test_images"]) == ("imgs/train", "imgs/test")


def test_the_folder_itself_has_the_classes(tmp_path: Path) -> None:
    write_classes(tmp_path)
    write_images(tmp_path / "test", ["1.png"])
    found = conclude(tmp_path)
    assert values(found)["train_images"] == "."
    assert lines(found)["images"].startswith("12 png")


def test_the_test_images_are_beside_the_classes(tmp_path: Path) -> None:
    write_classes(tmp_path / "data")
    write_images(tmp_path / "data/test", ["1.png"])
    found = conclude(tmp_path)
    assert (values(found)["train_images"], values(found)["test_images"]) == ("data", "data/test")
    assert lines(found)["images"].startswith("12 png")


def test_a_few_images_beside_the_classes_are_left_out(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", "abcdefghij")
    write_images(tmp_path / "train", ["stray.png"])
    assert lines(conclude(tmp_path))["images"].startswith("20 png")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for kind in ("bike", "bus", "car", "plane", "ship", "train"):
        write_images(tmp_path / "train" / kind, ["1.png", "2.png"])
    assert lines(conclude(tmp_path))["labels"].startswith("6 strings (bike, bus, car, …)")


def test_the_training_folder_has_classes_and_not_the_validation_folder(tmp_path: Path) -> None:
    for part in ("valid", "train", "test"):
        write_classes(tmp_path / part, part)
    found = values(conclude(tmp_path))
    assert (found["train_images"], "test_images" in found) == ("train", False)


@pytest.mark.parametrize("names", [("train", "test"), ("train_images", "test_images"), ("Training", "Test1")])
def test_parts_of_the_data_are_no_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    write_csv(tmp_path / "labels.csv", ["id", "label"], [[f"x{place}", place % 2] for place in range(8)])
    write_images(tmp_path / names[0], [f"x{place}.png" for place in range(8)])
    write_images(tmp_path / names[1], ["t.png"])
    found = values(conclude(tmp_path))
    assert (found["form"], found["train_images"]) == ("table", names[0])


def test_a_table_with_the_same_labels_changes_nothing(tmp_path: Path) -> None:
    write_classes(tmp_path / "train_images")
    names = [(path.name, path.parent.name) for path in sorted(tmp_path.rglob("*.png"))]
    write_csv(tmp_path / "train.csv", ["image_id", "label"], names)
    assert values(conclude(tmp_path))["form"] == "folders"


def test_a_table_with_other_labels_counts_more_than_folders(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    names = [(path.name, place % 3) for place, path in enumerate(sorted(tmp_path.rglob("*.png")))]
    write_csv(tmp_path / "train.csv", ["image_id", "label"], names)
    found = values(conclude(tmp_path))
    assert (found["form"], found["train_images"]) == ("table", "train")


@pytest.mark.parametrize("header", [["id", "label"], ["id", "Black-grass", "Loose Silky-bent"]])
def test_the_sample_submission_decides_between_folders_and_a_side_table(
    tmp_path: Path, header: list[str]
) -> None:
    write_classes(tmp_path / "train")
    files = sorted(path.name for path in (tmp_path / "train").rglob("*.png"))
    write_csv(tmp_path / "visits.csv", ["file", "camera"], [(name, n % 3) for n, name in enumerate(files)])
    write_images(tmp_path / "test", ["t1.png", "t2.png"])
    cells = ["Black-grass"] if len(header) == 2 else [0.5, 0.5]
    write_csv(tmp_path / "sample_submission.csv", header, [["t1.png", *cells], ["t2.png", *cells]])
    found = values(conclude(tmp_path))
    assert found["form"] == "folders"
