from io import BytesIO

import pytest

from kit.training.wire import Message, NotAMessageError, pack_message, read_message


def test_messages_come_back_in_order_with_their_blobs() -> None:
    stream = BytesIO(pack_message({"a": "ü\n"}, b"one\n", b"") + pack_message({"b": 1}))
    assert read_message(stream) == Message({"a": "ü\n"}, (b"one\n", b""))
    assert read_message(stream) == Message({"b": 1})
    assert read_message(stream) is None


@pytest.mark.parametrize("length", [0, 5, -1, -4])
def test_a_message_that_is_cut_off_is_none(length: int) -> None:
    assert read_message(BytesIO(pack_message({"a": 1}, b"one")[:length])) is None


@pytest.mark.parametrize(
    "line",
    [
        *(b"text", b"[1]", b'"a"', b"{}", b'{"blobs": 3}', b'{"blobs": ["x"]}', b"\xff"),
        *(b'{"blobs": [1e999]}', b'{"blobs": [NaN]}', b"[" * 100_000),
        *(b'{"blobs": [99999999999999999999]}', b'{"blobs": [-1]}'),
    ],
)
def test_anything_else_is_refused_with_its_beginning(line: bytes) -> None:
    with pytest.raises(NotAMessageError, match=r"^'"):
        read_message(BytesIO(line + b"\n"))
