from pathlib import Path

from tests.inspected import conclude, lines, pixel_rows, values, write_csv, write_images

IDS = [f"x{number}" for number in range(24)]


def test_a_column_of_the_training_table(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "train.csv",
        ["id", "patient_id", "label"],
        [[one, p % 8, p % 2] for p, one in enumerate(IDS)],
    )
    write_images(tmp_path / "train", [f"{one}.png" for one in IDS])
    found = conclude(tmp_path)
    assert (values(found)["group.table"], values(found)["group.column"]) == ("train.csv", "patient_id")
    assert lines(found)["groups"] == "column patient_id of train.csv names 8 groups: folds.group is set"


def test_another_table_with_the_images(tmp_path: Path) -> None:
    for kind in ("c0", "c1"):
        write_images(tmp_path / "imgs/train" / kind, [f"{kind}_{number}.jpg" for number in range(12)])
    rows = [[f"p{n % 6}", kind, f"{kind}_{n}.jpg"] for kind in ("c0", "c1") for n in range(12)]
    write_csv(tmp_path / "driver_imgs_list.csv", ["subject", "classname", "img"], rows)
    found = values(conclude(tmp_path))
    assert (found["form"], found["group.table"]) == ("folders", "driver_imgs_list.csv")


def test_a_table_of_other_images_has_no_groups(tmp_path: Path) -> None:
    for kind in ("c0", "c1"):
        write_images(tmp_path / "train" / kind, [f"{kind}_{number}.jpg" for number in range(12)])
    write_csv(tmp_path / "other.csv", ["subject", "img"], [[f"p{n % 6}", f"y{n}.jpg"] for n in range(24)])
    assert "group.table" not in values(conclude(tmp_path))


def test_a_table_without_names_needs_the_classes_in_order(tmp_path: Path) -> None:
    names = [f"pixel{number}" for number in range(64)]
    write_csv(tmp_path / "train.csv", ["label", *names], pixel_rows(24, 64, [0, 1, 2]))
    rows = [[f"l{n // 2}", "abc"[n % 3]] for n in range(24)]
    write_csv(tmp_path / "metadata.csv", ["lesion_id", "dx"], rows)
    assert values(conclude(tmp_path))["group.table"] == "metadata.csv"
    write_csv(tmp_path / "metadata.csv", ["lesion_id", "dx"], [*rows[:20], *rows[:4]])
    assert "group.table" not in values(conclude(tmp_path))


def test_few_or_single_groups_are_none(tmp_path: Path) -> None:
    rows = [[one, p % 3, p, p % 2] for p, one in enumerate(IDS)]
    write_csv(tmp_path / "train.csv", ["id", "group", "person", "label"], rows)
    write_images(tmp_path / "train", [f"{one}.png" for one in IDS])
    assert "group.table" not in values(conclude(tmp_path))


def test_another_name_of_the_label_is_no_group(tmp_path: Path) -> None:
    rows = [[one, f"p{p % 6}", p % 6] for p, one in enumerate(IDS)]
    write_csv(tmp_path / "train.csv", ["id", "person", "label"], rows)
    write_images(tmp_path / "train", [f"{one}.png" for one in IDS])
    assert "group.table" not in values(conclude(tmp_path))
