"""Any bytes in place of a CSV file with a column per pixel: what is read is what the file says."""

from typing import Any

import pytest
from hypothesis import strategies as st

from kit.config import Competition
from kit.data.readers import digits, pixel_csv
from tests.fuzz import slow_csv
from tests.fuzz.searching import accepted, damaged, examples, search

SHAPE = {"image_shape": (2, 2, 1)}
TOKENS = [
    *(
        b'"',
        b'""',
        b",",
        b"\n",
        b"\r\n",
        b"\r",
        b" ",
        b"\t",
        b"\xef\xbb\xbf",
        b"\0",
        b";",
        b"\xa0",
        b"\xc2\xa0",
    ),
    *(
        b"+5",
        b"-1",
        b"-0",
        b"007",
        b"0000000255",
        b"255",
        b"256",
        b"260",
        b"300",
        b"999",
        b"1e2",
        b"12.0",
        b".5",
    ),
    *(
        b"9" * 30,
        b"\xd9\xa3",
        b"\xef\xbc\x91",
        b"1_0",
        b"0x1f",
        b"nan",
        b"inf",
        b"NaN",
        b"x",
        b'"7"',
        b'"a,b"',
    ),
    *(
        b"again",
        b"pixel0",
        b",label",
        b"pixel01",
        b"\n\n",
        b"\x1c",
        b"\x0b",
        b"\x85",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
    ),
    *(b"\xff\xfe", b"PK\x03\x04", b"\x1f\x8b", b"<", b"{", b'"7 "', b'" 7"', b"7 ", b"9" * 5000),
]
DIGITS = [
    b"label,pixel0,pixel1,pixel2,pixel3\n0,0,7,255,1\n1,1,20,3,12\n0,9,99,100,200\n",
    b'\xef\xbb\xbf"label","pixel0","pixel1","pixel2","pixel3"\r\n"2","0","7","255","1"\r\n1,10,20,3,4\r\n',
    b"pixel3,pixel0,label,pixel2,pixel1\r1,2,0,4,5\r6,7,1,9,10\r\r",
]
TEXTS = [
    b'kind,px1,px2,px3,px4,id\nred apple,1,2,3,4,n1\n"pear, green",5,6,7,8,n2\n9,10,11,12,13,n3\n',
    b'px4,note,px3,id,px2,kind,px1\nx,y,z,n1,1,7,7\n4,x,3,n1,2,7,1\n40,"say ""hi""",30,n2,20,kiwi,10\n',
    b"kind,px1,px2,px3,px4\nred apple,1,2,3,4\nkiwi,5,6,7,8\n",
    b"px1,px2,px3,px4,kind\r\n1,2,3,4,red apple\r\n5,6,7,8,kiwi\r\n",
    b"id,c,a,kind,d,b\r\nn1,1,2,x,3,4\r\nn2,5,6,y,7,8\r\n",
]
TESTS = [
    b"pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n5,6,7,8\n",
    b"pixel1,pixel0,pixel3,pixel2\r\n1,2,3,4\r\n5,6,7,8",
]
NO_HEADER = [b"0,1,2,3,4\n1,5,6,7,8\n", b"1,2,3,4\r\n5,6,7,8\r\n", b"cat,1,2,3,4\ndog,5,6,7,8\n"]
KINDS: dict[str, tuple[dict[str, Any], bool, list[bytes]]] = {
    "labels are digits": ({"classes": 3}, True, DIGITS),
    "labels are text": (
        {"labels": "auto", "label_column": "kind", "pixel_prefix": None, "test_id_column": "id"}
        | {"ignored_columns": ("note",)},
        True,
        TEXTS,
    ),
    "test rows": ({}, False, TESTS),
    "test rows with ids": (
        {"label_column": "kind", "pixel_prefix": None, "test_id_column": "id", "ignored_columns": ("note",)},
        False,
        TEXTS,
    ),
    "no header": ({"header": False, "label_column": "0", "labels": "auto"}, True, NO_HEADER),
}


NAMES = [
    *(
        "label",
        "kind",
        "id",
        "note",
        "pixel0",
        "pixel3",
        "pixel4",
        "pixel00",
        "px1",
        "px10",
        "px_1_2",
        "Pixel0",
        " px1 ",
    ),
    *("", '""', '"kind"', '"', 'px"1', "0", "1", "٣", "pixel٣", "Unnamed: 0", "a;b;c", "p" + "9" * 5000),
]
ENDS = ["\n", "\r\n", "\r", ",\n", "\n\n", ""]


def _of_another_format(raw: bytes) -> bool:
    return raw.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"PK\x03\x04", b"<", b"{")) or b"\0" in raw


def plain(label: str) -> str:
    """Return a label of digits without leading zeros, which do not count."""
    return label.lstrip("0") or "0" if label.isascii() and label.isdigit() else label


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a kind, and a damaged file of this kind."""
    kind = draw(st.sampled_from([*KINDS]))
    return kind, draw(damaged(KINDS[kind][2], TOKENS))


@st.composite
def headers(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a kind, and a file with odd names of columns and one good row."""
    kind = draw(st.sampled_from([*KINDS]))
    names = (slow_csv.lines(draw(st.sampled_from(KINDS[kind][2]))) or [[]])[0]
    odd = st.sampled_from(NAMES) | st.text(max_size=3)
    for place, name in draw(st.dictionaries(st.integers(0, len(names)), odd, max_size=2)).items():
        names[place : place + draw(st.integers(0, 2))] = [name]
    names = draw(st.permutations(names) if draw(st.booleans()) else st.just(names))
    row = ",".join("7" for _ in names)
    return kind, f"{','.join(names)}{draw(st.sampled_from(ENDS))}{row}\n".encode()


def check(made: tuple[str, bytes]) -> None:
    kind, raw = made
    also, labelled, _ = KINDS[kind]
    competition = Competition.model_validate({**SHAPE, **also})
    slow = slow_csv.read(raw, competition, labelled=labelled)
    table = accepted(lambda: pixel_csv.parse(raw, "train.csv", competition, labelled=labelled), "train.csv")
    if table is None:
        assert slow is None or _of_another_format(raw), "a good file is refused"
        return
    assert slow is not None, "a wrong file is accepted"
    assert table.images.reshape(len(table.images), -1).tolist() == slow.pixels
    # Leading zeros of labels that are integers do not count.
    texts = [*map(plain, table.texts)] if competition.labels is None else table.texts
    assert texts == ([*map(plain, slow.texts)] if competition.labels is None else slow.texts)
    assert table.names == slow.names


@pytest.mark.parametrize("chunk", [1, 1 << 17])
@examples
def test_what_is_read_is_what_the_file_says(
    chunk: int, examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digits, "CHUNK", chunk)
    search(check, files(), examples // 2)


@examples
def test_columns_are_found_by_their_names(examples: int) -> None:
    search(check, headers(), examples)
