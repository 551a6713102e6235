"""Any bytes in place of the other CSV files, and of a worker's messages: what is read is what they say."""

import csv
import io
from pathlib import Path

from hypothesis import strategies as st

from kit.config import Competition
from kit.data.groups import read_cells
from kit.data.readers import pixel_text, table
from kit.task.submission import predictions_of
from kit.training.wire import NotAMessageError, pack_message, read_message
from tests import tasks
from tests.fuzz.searching import JSON_TOKENS, accepted, damaged, examples, search
from tests.fuzz.slow_csv import integer

TOKENS = (
    *(
        b'"',
        b'""',
        b",",
        b"\n",
        b"\r\n",
        b"\r",
        b" ",
        b"\t",
        b"\0",
        b";",
        b"\xff",
        b"\xef\xbb\xbf",
        b"again",
        b"id",
    ),
    *(
        b'"a,b"',
        b'"a\nb"',
        b"nan",
        b"-1",
        b"256",
        b"007",
        b"1.0",
        b"9" * 30,
        b"9" * 5000,
        b"\xc2\x85",
        b"PK\x03\x04",
    ),
    *(b"\x1f\x8b", b"<", b"{", b"\xe2\x80\xa8", b"\xd9\xa3", b"\n\n"),
)
NAMES = [b"id,label\na.png,cat\nb.png,dog\n", b'\xef\xbb\xbf"label","id"\r\n"cat","a, b.png"\r\ndog,c.png']
FACES = [
    b'emotion,pixels\n0,"1 2 3 4"\n6,5 60 255 0\n',
    b"pixels,emotion\r\n1  02 3 4,cat\r\n5 60 255 0,dog\r\n\r\n",
]
SAMPLE = [b"ImageId,Label\n1,0\n2,0\n3,0\n", b"ImageId,Label\r\n1,0\r\n2,7"]


def rows_of(raw: bytes, *, blanks: bool = False) -> list[list[str]] | None:
    """Return the cells of all lines but empty ones, by Python's csv module; None if it is no CSV."""
    try:
        text = io.StringIO(raw.decode("utf-8-sig"), newline="")
        return [row for row in csv.reader(text, strict=True, skipinitialspace=blanks) if row]
    except (UnicodeDecodeError, csv.Error):
        return None


@examples
def test_a_table_of_names(examples: int, tmp_path: Path) -> None:
    path = tmp_path / "train.csv"

    def check(raw: bytes) -> None:
        path.write_bytes(raw)
        found = accepted(lambda: table.read(tmp_path, "train.csv", ["id", "label"]), str(path))
        cells = accepted(lambda: read_cells(tmp_path, "train.csv"), str(path))
        assert [*tmp_path.iterdir()] == [path]
        if found is not None:
            header, *rows = rows_of(raw) or [[]]
            places = {one.strip(): place for place, one in enumerate(header)}
            assert found.columns == {
                key: [row[places[key]].strip() for row in rows] for key in ("id", "label")
            }
        if cells is not None:
            assert [cells.header, *cells.rows] == rows_of(raw)

    search(check, damaged(NAMES, TOKENS), examples // 5)


@examples
def test_a_table_with_images_in_one_column(examples: int) -> None:
    also = {"form": "pixel_text", "label_column": "emotion", "image_shape": (2, 2, 1), "labels": "auto"}
    competition = Competition.model_validate(also)

    def check(raw: bytes) -> None:
        found = accepted(lambda: pixel_text.parse(raw, "faces.csv", competition, labelled=True), "faces.csv")
        if found is None:
            return
        header, *rows = rows_of(raw, blanks=True) or [[]]
        pixels, label = ([one.strip() for one in header].index(column) for column in ("pixels", "emotion"))
        assert found.images.reshape(-1, 4).tolist() == [
            [integer(one) for one in row[pixels].split()] for row in rows
        ]
        assert found.texts == [row[label].strip() for row in rows]

    search(check, damaged(FACES, TOKENS), examples // 5)


@examples
def test_a_sample_submission(examples: int) -> None:
    form = tasks.make().submission

    def check(raw: bytes) -> None:
        found = accepted(lambda: predictions_of(raw, "sample.csv", form), "sample.csv")
        if found is not None:
            assert [["ImageId", "Label"], *map(list, found.items())] == rows_of(raw)

    search(check, damaged(SAMPLE, TOKENS), examples // 5)


@examples
def test_a_message_of_a_worker(examples: int) -> None:
    whole = pack_message({"status": "done", "seconds": 1.5}, b"abc", b"")
    numbers = (b"-1", b"999999999999999999", b"1e999", b"[3, 0]", b"null", b'"3"')

    def check(raw: bytes) -> None:
        try:
            message = read_message(io.BytesIO(raw))
        except NotAMessageError:
            return
        if message is not None:
            assert raw.partition(b"\n")[2].startswith(b"".join(message.blobs))

    search(check, damaged([whole], (*JSON_TOKENS, *numbers)) | st.binary(max_size=20), examples // 5)
