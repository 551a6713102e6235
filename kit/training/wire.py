"""Messages between driver and worker: one line of JSON, then the blobs whose sizes the line lists."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Literal

Phase = Literal[
    "starting", "loading", "preparing", "compiling", "training", "fitting", "predicting", "storing"
]
"""What a worker does for a member.

starting: the process starts. loading: it imports libraries. preparing: images, network. compiling: until the
first step has ended. training: the steps of the epochs. fitting: training of a model without epochs.
predicting: after the training. storing: the network.
"""

FailureKind = Literal["memory", "diverged", "other"]
"""Why a training failed, as far as it decides about a retry."""

OnActivity = Callable[[Phase, int, float], None]
"""Receives what a worker does: phase, epoch and share, as in `kit.training.launch.base.Activity`."""


def ignore(phase: Phase, epoch: int, share: float) -> None:
    """Take no notice of what a worker does."""
    del phase, epoch, share


@dataclass(frozen=True)
class Message:
    """A message that was received whole.

    Attributes:
        fields: the JSON object.
        blobs: the byte strings behind it.
    """

    fields: dict[str, Any]
    blobs: tuple[bytes, ...] = ()


MOST = 1 << 36
"""Bytes of a blob, at most."""


class NotAMessageError(ValueError):
    """A line is not the protocol's; `str` shows its beginning."""


def pack_message(fields: dict[str, Any], *blobs: bytes) -> bytes:
    """Return the bytes of a message.

    Args:
        fields: JSON-able; the key "blobs" is reserved.
        blobs: byte strings that follow the line.
    """
    line = json.dumps({**fields, "blobs": [len(blob) for blob in blobs]})
    return b"".join([line.encode(), b"\n", *blobs])


def read_message(stream: IO[bytes]) -> Message | None:
    """Return the next message; None at the end of the stream, also where it cuts a message off.

    Raises:
        NotAMessageError: the stream has something else.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    try:
        fields = json.loads(line)
        sizes = [int(size) for size in fields.pop("blobs")]
        if not all(0 <= size <= MOST for size in sizes):
            raise ValueError("no size of a blob")
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        raise NotAMessageError(repr(line[:80].decode(errors="replace").strip())) from None
    blobs = tuple(stream.read(size) for size in sizes)
    return Message(fields, blobs) if [len(blob) for blob in blobs] == sizes else None
