"""What a worker is told: one member, its model, and where the arrays lie."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from kit.config import Model
from kit.members import Member


@dataclass(frozen=True)
class Job:
    """The training of one member.

    Attributes:
        member: which.
        model: its part of the configuration.
        shape: height, width and channels of an image.
        classes: number of classes.
        folder: holds train_images.npy, train_labels.npy, test_images.npy.
        held_out: (training rows,) bool, the rows it must not see.
        backend: Keras's backend.
        precision: float32 or bfloat16.
        teachers: files of the fold's and seed's members that it learns from; none for most.
    """

    member: Member
    model: Model
    shape: tuple[int, int, int]
    classes: int
    folder: Path
    held_out: NDArray[np.bool_]
    backend: str
    precision: str
    teachers: tuple[Path, ...] = ()

    @property
    def epochs(self) -> int:
        """Epochs that will be reported; 1 for a model that has none."""
        return self.model.epochs

    @property
    def random_seed(self) -> int:
        """Seed of everything random in this member, below 2**31."""
        name = int.from_bytes(self.member.model.encode(), "little")
        sequence = np.random.SeedSequence([self.member.seed, self.member.fold, name])
        return int(sequence.generate_state(1)[0] >> 1)

    def to_json(self) -> str:
        """Return the job as one line of JSON."""
        told = {
            "member": [self.member.model, self.member.fold, self.member.seed],
            "model": self.model.model_dump(mode="json"),
            "shape": self.shape,
            "classes": self.classes,
            "folder": str(self.folder),
            "rows": len(self.held_out),
            "held_out": base64.b64encode(np.packbits(self.held_out).tobytes()).decode(),
            "backend": self.backend,
            "precision": self.precision,
            "teachers": [str(path) for path in self.teachers],
        }
        return json.dumps(told)

    @classmethod
    def from_json(cls, line: str) -> "Job":
        """Return what `to_json` wrote."""
        told: dict[str, Any] = json.loads(line)
        packed = np.frombuffer(base64.b64decode(told["held_out"]), np.uint8)
        return cls(
            member=Member(*told["member"]),
            model=TypeAdapter[Model](Model).validate_python(told["model"]),
            shape=tuple(told["shape"]),
            classes=told["classes"],
            folder=Path(told["folder"]),
            held_out=np.unpackbits(packed, count=told["rows"]).astype(bool),
            backend=told["backend"],
            precision=told["precision"],
            teachers=tuple(Path(path) for path in told["teachers"]),
        )
