"""Job: the serialisable description of one training job."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from kit.arrays import opened_arrays
from kit.config import Model
from kit.members import PARSING, Member
from kit.training.wire import Message, pack_message


@dataclass(frozen=True, eq=False)
class PseudoLabels:
    """Targets of images whose labels a member may not see: the mean prediction of its teachers.

    Attributes:
        val: (held-out rows, classes) float32, probabilities.
        test: (test rows, classes) float32, probabilities.
    """

    val: NDArray[np.float32]
    test: NDArray[np.float32]

    def to_bytes(self) -> bytes:
        """Return the arrays as the bytes of an .npz."""
        buffer = BytesIO()
        np.savez(buffer, val=self.val, test=self.test)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "PseudoLabels":
        """Return what `to_bytes` packed."""
        with PARSING, opened_arrays(content) as file:
            return cls(file["val"], file["test"])


@dataclass(frozen=True)
class Job:
    """The training of one member: all that a worker needs besides the data.

    Attributes:
        member: the member to train.
        model: its model, from the configuration.
        shape: height, width and channels of an image.
        classes: number of classes.
        data: fingerprint of the data set; the launcher gives the worker the arrays.
        test_rows: number of test rows, from the first, that are predicted and learned from.
        held_out: (training rows,) bool, the rows whose labels it must not see.
        unused: (training rows,) bool, rows that it neither learns from nor predicts; None: there are none.
            Only without teachers.
        watched: about how many of the held-out rows are predicted after each epoch; None: all. After the last
            one, all are.
        backend: Keras's; "none" where the configuration has no network.
        precision: float32 or bfloat16.
        metric: the competition's, a key of `kit.metrics.METRICS`.
        teachers: members whose predictions it learns from; usually none.
        pseudo_labels: what the teachers predict; None before they are trained, and without teachers.
        seed_offset: number of times that its training diverged; each time it gets other random numbers.
        together: number of places of the program that trains it; 1: it is trained alone. See
            `kit.training.together`.
        checkpoint: state of its training, from which it continues; None: it starts.
        checkpoint_seconds: shortest time between two checkpoints; None: the worker sends none.
    """

    member: Member
    model: Model
    shape: tuple[int, int, int]
    classes: int
    data: str
    test_rows: int
    held_out: NDArray[np.bool_]
    backend: str
    precision: str
    metric: str
    unused: NDArray[np.bool_] | None = None
    watched: int | None = None
    teachers: tuple[Member, ...] = ()
    pseudo_labels: PseudoLabels | None = None
    seed_offset: int = 0
    together: int = 1
    checkpoint: bytes | None = None
    checkpoint_seconds: float | None = None

    @property
    def epochs(self) -> int:
        """Number of epochs that the worker reports; 1 for a model without epochs."""
        return self.model.epochs

    @property
    def train_rows(self) -> NDArray[np.int64]:
        """The rows that it learns from, ascending."""
        return np.flatnonzero(~self.held_out if self.unused is None else ~(self.held_out | self.unused))

    @property
    def steps(self) -> tuple[int, int]:
        """Number of training steps per epoch, and images per step, of a network."""
        if not self.model.needs_backend:
            raise TypeError(f"{self.member}: {self.model.kind} is not a network")
        images = len(self.held_out) + self.test_rows if self.teachers else len(self.train_rows)
        batch = min(self.model.training.batch_size, images)
        return images // batch, batch

    @property
    def watched_rows(self) -> NDArray[np.int64]:
        """The held-out rows that are predicted after each epoch, ascending, from all parts of the data."""
        rows = np.flatnonzero(self.held_out)
        if self.watched is None:
            return rows
        return rows[:: -(-len(rows) // self.watched)] if self.watched else rows[:0]

    @property
    def random_seed(self) -> int:
        """Seed of all random numbers of this member, below 2**31."""
        name = int.from_bytes(self.member.model.encode(), "little")
        offset = [self.seed_offset] if self.seed_offset else []
        sequence = np.random.SeedSequence([self.member.seed, self.member.fold, name, *offset])
        return int(sequence.generate_state(1)[0] >> 1)

    def to_bytes(self) -> bytes:
        """Return the job as one message (`kit.training.wire`).

        Raises:
            ValueError: it has teachers, but no pseudo-labels yet.
        """
        if self.teachers and self.pseudo_labels is None:
            raise ValueError(f"{self.member}: its teachers' predictions are missing")
        fields = {
            "member": _plain(self.member),
            "model": self.model.model_dump(mode="json"),
            "shape": self.shape,
            "classes": self.classes,
            "data": self.data,
            "test_rows": self.test_rows,
            "rows": len(self.held_out),
            "backend": self.backend,
            "precision": self.precision,
            "metric": self.metric,
            "watched": self.watched,
            "teachers": [_plain(teacher) for teacher in self.teachers],
            "seed_offset": self.seed_offset,
            "together": self.together,
            "checkpoint_seconds": self.checkpoint_seconds,
        }
        labels = self.pseudo_labels.to_bytes() if self.pseudo_labels else b""
        unused = b"" if self.unused is None else np.packbits(self.unused).tobytes()
        return pack_message(
            fields, np.packbits(self.held_out).tobytes(), unused, labels, self.checkpoint or b""
        )

    @classmethod
    def from_message(cls, message: Message) -> "Job":
        """Return the job that `to_bytes` packed."""
        fields, (held_out, unused, labels, checkpoint) = message.fields, message.blobs
        return cls(
            member=Member(*fields["member"]),
            model=TypeAdapter[Model](Model).validate_python(fields["model"]),
            shape=tuple(fields["shape"]),
            classes=fields["classes"],
            data=fields["data"],
            test_rows=fields["test_rows"],
            held_out=_mask(held_out, fields["rows"]),
            backend=fields["backend"],
            precision=fields["precision"],
            metric=fields["metric"],
            unused=_mask(unused, fields["rows"]) if unused else None,
            watched=fields["watched"],
            teachers=tuple(Member(*teacher) for teacher in fields["teachers"]),
            pseudo_labels=PseudoLabels.from_bytes(labels) if labels else None,
            seed_offset=fields["seed_offset"],
            together=fields["together"],
            checkpoint=checkpoint or None,
            checkpoint_seconds=fields["checkpoint_seconds"],
        )


def _mask(packed: bytes, rows: int) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=rows).astype(bool)


def _plain(member: Member) -> list[str | int]:
    return [member.model, member.fold, member.seed]
