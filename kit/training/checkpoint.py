"""The state of a network's training after an epoch: a worker sends it, and another one continues from it.

A checkpoint is the SHA-256 of an .npz file without pickles, 32 bytes, and the file.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kit.damage import ARRAY_ERRORS
from kit.members import PARSING
from kit.training.job import Job
from kit.training.machine import versions

if TYPE_CHECKING:
    from kit.training.engines.base import TrainingState

OnCheckpoint = Callable[[int, bytes], None]
"""Receives the number of finished epochs and the checkpoint."""
HASH_BYTES = 32
RARITY = 100
"""A checkpoint is sent after so many times as long as the one before took: the cost stays below 1 %."""


def ignore_checkpoint(epoch: int, content: bytes) -> None:
    """Take no notice of a checkpoint."""
    del epoch, content


class UnusableCheckpointError(Exception):
    """A checkpoint is damaged, or belongs to another job; `str` says which."""


@dataclass(frozen=True, eq=False)
class SavedTraining:
    """What a checkpoint holds.

    Attributes:
        job: `digest` of the job.
        seed_offset: `Job.seed_offset`.
        epochs: (finished epochs, 5) float64, the figures of `kit.records.Curves` in their order.
        starts: numbers of the epochs, from 0, with which a worker started: they include compiling.
        seconds: training time so far, in all workers.
        model: all variables of the model, seeds included.
        optimizer: all variables of the optimiser.
        random: state of the backend's own random numbers; empty where it has none.
    """

    job: str
    seed_offset: int
    epochs: NDArray[np.float64]
    starts: tuple[int, ...]
    seconds: float
    model: Sequence[NDArray[Any]]
    optimizer: Sequence[NDArray[Any]]
    random: Sequence[NDArray[np.uint8]]

    def to_bytes(self) -> bytes:
        """Return the checkpoint."""
        about = {
            "job": self.job,
            "seed_offset": self.seed_offset,
            "starts": self.starts,
            "seconds": self.seconds,
        }
        arrays = {
            f"{part}-{number}": array
            for part in ("model", "optimizer", "random")
            for number, array in enumerate(getattr(self, part))
        }
        content = np.frombuffer(json.dumps(about).encode(), np.uint8)
        buffer = BytesIO()
        np.savez(buffer, about=content, epochs=self.epochs, **arrays)
        return sha256(buffer.getbuffer()).digest() + buffer.getbuffer()

    @classmethod
    def from_bytes(cls, content: bytes) -> "SavedTraining":
        """Return what `to_bytes` packed.

        Raises:
            UnusableCheckpointError: the content is damaged, or another version of kit wrote it.
        """
        file = memoryview(content)[HASH_BYTES:]
        if sha256(file).digest() != content[:HASH_BYTES]:
            raise UnusableCheckpointError("it is damaged")
        try:
            return cls._parsed(file)
        except ARRAY_ERRORS as error:
            raise UnusableCheckpointError("another version of kit wrote it") from error

    @classmethod
    def _parsed(cls, file: memoryview) -> "SavedTraining":
        with PARSING, np.load(BytesIO(file), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())

            def part(name: str) -> list[NDArray[Any]]:
                count = sum(key.startswith(f"{name}-") for key in arrays.files)
                return [arrays[f"{name}-{number}"] for number in range(count)]

            return cls(
                about["job"],
                about["seed_offset"],
                arrays["epochs"],
                tuple(about["starts"]),
                about["seconds"],
                part("model"),
                part("optimizer"),
                part("random"),
            )


def digest(job: Job) -> str:
    """Return the SHA-256 of all that decides the training of `job`, with the versions of the libraries."""
    plain = replace(job, checkpoint=None, checkpoint_seconds=None)
    return sha256(plain.to_bytes() + json.dumps(versions()).encode()).hexdigest()


def continued(job: Job, content: bytes) -> Job:
    """Return `job` with a checkpoint, and with the seed offset of that checkpoint.

    Raises:
        UnusableCheckpointError: the checkpoint is damaged, or belongs to another job.
    """
    saved = SavedTraining.from_bytes(content)
    job = replace(job, seed_offset=saved.seed_offset, checkpoint=content)
    if saved.job != digest(job):
        raise UnusableCheckpointError("it belongs to another configuration, data set or version of a library")
    return job


def saved_training(job: Job) -> SavedTraining | None:
    """Return the state from which `job` continues; None: it starts, also with a checkpoint of another job."""
    if job.checkpoint is None:
        return None
    try:
        saved = SavedTraining.from_bytes(job.checkpoint)
    except UnusableCheckpointError:
        return None
    return saved if saved.job == digest(job) else None


def finished_epochs(job: Job) -> int:
    """Return the number of epochs after which `job` continues; 0 if it starts."""
    return 0 if job.checkpoint is None else len(SavedTraining.from_bytes(job.checkpoint).epochs)


def restore(state: "TrainingState", saved: SavedTraining) -> None:
    """Set the variables of model and optimiser, and the backend's random numbers."""
    from kit.training.determinism import set_random_state

    for variables, values in (
        (state.model.variables, saved.model),
        (state.optimizer.variables, saved.optimizer),
    ):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    set_random_state(saved.random)


class Checkpoints:
    """Sends checkpoints of one training, as often as the job says.

    Args:
        job: what is trained.
        saved: what the training continues from; None: it starts.
        send: receives the checkpoints.
        clock: seconds.
    """

    def __init__(
        self,
        job: Job,
        saved: SavedTraining | None,
        send: OnCheckpoint,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job, self._send, self._clock = job, send, clock
        self._digest = digest(job)
        self.earlier_seconds = saved.seconds if saved else 0.0
        self.starts = (*saved.starts, len(saved.epochs)) if saved else (0,)
        self._began = self._last = clock()
        self._cost = 0.0

    def offer(self, state: "TrainingState", epochs: Sequence[tuple[float, ...]]) -> None:
        """Send a checkpoint if it is time for one: always if `job.checkpoint_seconds` is 0.

        Args:
            state: model and optimiser after the last epoch.
            epochs: figures of all finished epochs.
        """
        shortest, started = self._job.checkpoint_seconds, self._clock()
        # All members of a program send theirs after the same epoch.
        rarely = RARITY * self._job.together * self._cost
        if shortest is None or (shortest and started - self._last < max(shortest, rarely)):
            return
        from kit.training.determinism import random_state

        saved = SavedTraining(
            self._digest,
            self._job.seed_offset,
            np.array(epochs, np.float64),
            self.starts,
            self.earlier_seconds + started - self._began,
            [variable.numpy() for variable in state.model.variables],
            [variable.numpy() for variable in state.optimizer.variables],
            random_state(),
        )
        self._send(len(epochs), saved.to_bytes())
        self._last = self._clock()
        self._cost = self._last - started
