"""Files are read in blocks, by several threads; the first fault in the file is named, whichever has it."""

import numpy as np
import pytest

from kit.config import Competition
from kit.data.readers import blocks, digits, pixel_csv
from kit.errors import UserError

COMPETITION = Competition(image_shape=(2, 2, 1), classes=10)
HEADER = b"label,pixel0,pixel1,pixel2,pixel3\n"
VALUES = np.random.default_rng(0).integers(0, 256, (500, 4), np.uint8)
ROWS = [b"%d,%d,%d,%d,%d\n" % (row % 10, *pixels) for row, pixels in enumerate(VALUES.tolist())]


@pytest.fixture(autouse=True, params=[1, 3], ids=["1 thread", "3 threads"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide files into blocks of about 20 rows."""
    monkeypatch.setattr(digits, "CHUNK", 40)
    monkeypatch.setattr(blocks, "cores", lambda: request.param)


def message(rows: list[bytes]) -> str:
    with pytest.raises(UserError) as error:
        pixel_csv.parse(HEADER + b"".join(rows), "train.csv", COMPETITION, labelled=True)
    return str(error.value).splitlines()[0]


@pytest.mark.parametrize("end", [b"\n", b""], ids=["last line ended", "last line not ended"])
def test_rows_keep_their_order(end: bytes) -> None:
    raw = HEADER + b"".join(ROWS).removesuffix(b"\n") + end
    table = pixel_csv.parse(raw, "train.csv", COMPETITION, labelled=True)
    assert np.array_equal(table.images.reshape(-1, 4), VALUES)
    assert table.texts == [str(row % 10) for row in range(500)]


def test_labels_of_text_keep_their_order() -> None:
    competition = COMPETITION.model_copy(update={"labels": "auto", "classes": None})
    rows = [b"kind %d,%s" % (row, line.split(b",", 1)[1]) for row, line in enumerate(ROWS)]
    table = pixel_csv.parse(HEADER + b"".join(rows), "train.csv", competition, labelled=True)
    assert table.texts == [f"kind {row}" for row in range(500)]


def test_the_first_of_two_faults_is_named() -> None:
    rows = [*ROWS]
    rows[490], rows[60] = b"1,2,3\n", b"1,2,3,400,5\n"
    assert message(rows) == "train.csv, line 62, column pixel2: the number is too high"


def test_a_fault_in_the_last_block_is_named() -> None:
    assert message([*ROWS[:-1], b"1,2,x,4,5\n"]) == "train.csv, line 501, column pixel1: not a number"


def test_a_line_that_is_longer_than_a_block_is_too_long() -> None:
    assert (
        message([*ROWS[:300], b"1," * 3000 + b"1\n", *ROWS[300:]])
        == "train.csv, line 302: the row is too long"
    )


def test_progress_ends_with_the_whole_file() -> None:
    raw, seen = HEADER + b"".join(ROWS), list[tuple[int, int]]()
    pixel_csv.parse(raw, "", COMPETITION, labelled=True, on_progress=lambda *now: seen.append(now))
    assert seen == sorted(seen)
    assert seen[-1] == (len(raw), len(raw))
    assert len(seen) > 10


def test_the_slow_reader_shows_its_progress_too() -> None:
    raw, seen = HEADER + b"".join(ROWS).replace(b",", b" ,"), list[int]()
    pixel_csv.parse(raw, "", COMPETITION, labelled=True, on_progress=lambda done, _all: seen.append(done))
    place = [len(b"\n".join(raw.split(b"\n")[:line])) + 1 for line in (100, 200, 300, 400, 500)]
    assert seen == place
