from pathlib import Path

import numpy as np
import pytest

from kit.config import Folds, Group
from kit.data.folds import make_folds
from kit.data.groups import doubts, joined, read_groups
from kit.errors import UserError

NAMES = ["img_3.png", "img_1.png", "img_2.png", "img_4.png"]
TABLE = "subject,class,img\np2,a,img_1.png\np1,b,img_2.png\np10,a,img_3.png\np2,b,img_4.png\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "drivers.csv").write_text(TABLE)
    return tmp_path


def group(**fields: str) -> Group:
    return Group.model_validate({"table": "drivers.csv", "column": "subject", **fields})


def read(folder: Path, names: list[str], rows: int = 4, **fields: str) -> list[str]:
    codes, labels = read_groups(folder, group(**fields), names, rows)
    return [labels[code] for code in codes]


def test_groups_follow_the_names_of_the_images(folder: Path) -> None:
    codes, labels = read_groups(folder, group(), NAMES, 4)
    assert labels == ("p1", "p10", "p2")
    assert (str(codes.dtype), codes.tolist()) == ("int64", [1, 2, 0, 2])


@pytest.mark.parametrize(
    "names",
    [
        ["img_3", "img_1", "img_2", "img_4"],
        ["b/img_3.png", "a/img_1.png", "a/img_2.png", "b/img_4.png"],
        ["b/img_3", "a/img_1", "a/img_2", "b/img_4"],
    ],
)
def test_names_may_lack_the_ending_or_have_a_folder(folder: Path, names: list[str]) -> None:
    assert read(folder, names) == ["p10", "p2", "p1", "p2"]


def test_equal_names_in_two_folders_are_not_mixed_up(folder: Path) -> None:
    with pytest.raises(UserError, match="no column has the names of the training images"):
        read(folder, ["a/img_1.png", "b/img_1.png"], 2)
    (folder / "drivers.csv").write_text("subject,img\np1,a/img_1.png\np2,b/img_1.png\n")
    assert read(folder, ["b/img_1", "a/img_1"], 2, key="img") == ["p2", "p1"]


def test_the_table_may_have_more_rows(folder: Path) -> None:
    assert read(folder, NAMES[:2], 2) == ["p10", "p2"]


def test_without_names_rows_are_in_order(folder: Path) -> None:
    assert read(folder, []) == ["p2", "p1", "p10", "p2"]


def test_rows_are_in_order_if_no_image_is_named(folder: Path) -> None:
    (folder / "drivers.csv").write_text("subject\np2\np1\n")
    assert read(folder, ["a.png", "b.png"], 2) == ["p2", "p1"]


def test_rows_are_not_in_order_if_some_images_are_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"1 of 4 training images have no group, the first: x\.png"):
        read(folder, [*NAMES[:3], "x.png"])


def test_the_key_may_be_named(folder: Path) -> None:
    (folder / "drivers.csv").write_text("a,b,subject\nx,y,1\ny,x,2\n")
    assert read(folder, ["x", "y"], 2, key="b") == ["2", "1"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"table": "driver.csv"}, "there is no driver.csv\nfolds.group.table names it"),
        ({"column": "subjct"}, "there is no column 'subjct'; did you mean 'subject'?"),
        ({"key": "image"}, "there is no column 'image'"),
    ],
)
def test_an_absent_table_or_column_is_named(folder: Path, fields: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as raised:
        read(folder, NAMES, 4, **fields)
    assert message in str(raised.value)


def test_an_image_without_a_group_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"1 of 5 training images have no group, the first: img_5\.png"):
        read(folder, [*NAMES, "img_5.png"], 5)


def test_names_of_other_images_are_shown(folder: Path) -> None:
    with pytest.raises(
        UserError, match=r"no column has the names of the training images\nexpected names as in 'x7'"
    ):
        read(folder, ["x7", "x8"], 2)


def test_a_blank_group_is_named(folder: Path) -> None:
    (folder / "drivers.csv").write_text(TABLE.replace("p1,", "NaN,"))
    with pytest.raises(UserError, match="line 3, column subject: a training row has no group"):
        read(folder, NAMES)


def test_an_image_with_two_groups_is_named(folder: Path) -> None:
    (folder / "drivers.csv").write_text(TABLE + "p7,a,img_1.png\n")
    with pytest.raises(UserError, match=r"line 6, column subject: image img_1\.png has two groups"):
        read(folder, NAMES)


def test_another_number_of_rows_without_names(folder: Path) -> None:
    with pytest.raises(UserError, match="expected 5, received 4"):
        read(folder, [], 5)


def test_groups_that_share_an_image_are_one() -> None:
    same = np.array([0, 1, 0, 3, 4])
    assert len({*joined(np.array([0, 0, 1, 1, 2]), same).tolist()}) == 2
    assert joined(np.array([0, 1, 2, 3, 4]), np.arange(5)).tolist() == [0, 1, 2, 3, 4]


RNG = np.random.default_rng(0)
IMAGES = np.arange(600 * 4, dtype=np.uint32).view(np.uint8).reshape(600, 4, 4, 1)
LABELS = RNG.integers(3, size=600).astype(np.uint8)
GROUPS = RNG.integers(26, size=600).astype(np.int64)


@pytest.mark.parametrize("count", [2, 5])
def test_a_group_is_in_one_fold_and_folds_are_stratified(count: int) -> None:
    folds = make_folds(IMAGES, LABELS, count, seed=0, groups=GROUPS)
    assert all(len({*folds[one == GROUPS]}) == 1 for one in range(26))
    table = np.stack([np.bincount(LABELS[folds == fold], minlength=3) for fold in range(count)])
    # The folds of scikit-learn 1.6 are less equal than those of later versions.
    assert np.ptp(table, axis=0).max() < 200 / count


def test_copies_join_their_groups() -> None:
    images = IMAGES.copy()
    places = [int(np.flatnonzero(one == GROUPS)[0]) for one in range(2)]
    images[places[1]] = images[places[0]]
    folds = make_folds(images, LABELS, 5, seed=0, groups=GROUPS)
    assert len({*folds[np.isin(GROUPS, [0, 1])]}) == 1


def test_the_seed_decides_about_groups_too() -> None:
    first, again, other = (make_folds(IMAGES, LABELS, 5, seed, groups=GROUPS) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_fewer_groups_than_folds_are_refused() -> None:
    with pytest.raises(UserError, match="too few groups for 5 folds") as raised:
        make_folds(IMAGES, LABELS, Folds().count, seed=0, groups=GROUPS % 3)
    assert raised.value.hint == "use fewer folds: --set folds.count=3"


def test_rare_classes_and_large_groups_are_doubtful() -> None:
    labels = np.array([0] * 20 + [1] * 2 + [2] * 6, np.uint8)
    groups = np.array([0] * 12 + [1, 2] * 5 + [3] * 6)
    assert list(doubts(labels, ("a", "b", "c"), 3, groups, ("p", "q", "r", "s"))) == [
        "rare classes: b (2) have fewer rows than there are folds (3), so that their figures are uncertain",
        "large groups: p (12) have more rows than a fold should have (9)",
        "classes in one group alone: c (s); where it is held out, no such row is trained on",
    ]
    assert list(doubts(labels[:20], ("a",), 5)) == []


def test_a_file_of_pixels_may_have_the_groups(tmp_path: Path) -> None:
    header = ",".join(f"pixel{place}" for place in range(60))
    pixels = ",".join(["0"] * 60)
    (tmp_path / "train.csv").write_text(f"lesion,{header}\nb,{pixels}\na,{pixels}\nb,{pixels}\n")
    codes, labels = read_groups(tmp_path, Group(table="train.csv", column="lesion"), (), 3)
    assert (codes.tolist(), labels) == ([1, 0, 1], ("a", "b"))
    with pytest.raises(UserError, match="there is no column 'lesin'"):
        read_groups(tmp_path, Group(table="train.csv", column="lesin"), (), 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a CSV file with a header"),
        ("\n", "not a CSV file with a header"),
        ("a,b\n1\n", "line 2: wrong number of cells\nexpected 2, received 1"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "drivers.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read(tmp_path, NAMES)
