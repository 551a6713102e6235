"""The launcher seam: what cross-validation, trials and confirmations need of whatever runs their workers.

A launcher of another kind (a cluster, Kaggle) implements `Launcher` and `WorkerHandle`; no caller changes.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from kit.data.cache import ARRAYS
from kit.data.dataset import Dataset
from kit.members import Member, MemberResult
from kit.records import ClusterRecord
from kit.training.failures import DataChangedError, WorkerFailedError
from kit.training.job import Job
from kit.training.wire import Phase


@dataclass(frozen=True)
class Device:
    """What one worker computes on.

    Attributes:
        kind: "core" is one CPU core, to which the worker is pinned, with one thread; "cpu" is the whole CPU;
            "gpu" is a GPU; "remote" is a place on a cluster, whose machines choose the core or the GPU.
        gpu: how CUDA_VISIBLE_DEVICES names the GPU; None: it is the only one.
        shared: whether several workers of this process use the GPU at once.
    """

    kind: Literal["core", "cpu", "gpu", "remote"]
    gpu: str | None = None
    shared: bool = False


@dataclass(frozen=True)
class Stamp:
    """A file as it is now; inode, size in bytes and modification time in ns are -1 if it is missing."""

    path: Path
    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """Return the stamp of a file."""
        try:
            status = path.stat()
        except OSError:
            return cls(path, -1, -1, -1)
        return cls(path, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class DataFolder:
    """The arrays of one data set, on the machine of the driver.

    Attributes:
        fingerprint: identifies the content, as `Job.data` does.
        path: folder of train_images.npy, train_labels.npy and test_images.npy.
        stamps: what identifies each file, if changes of the files matter.
    """

    fingerprint: str
    path: Path
    stamps: tuple["Stamp", ...] = ()

    @classmethod
    def of(cls, dataset: Dataset) -> "DataFolder":
        """Return the folder of a data set's arrays, which other programs must not change from now on."""
        folder = dataset.folder.resolve()
        return cls(dataset.fingerprint, folder, tuple(Stamp.of(folder / f"{name}.npy") for name in ARRAYS))

    def check(self, log: str = "") -> None:
        """Check that the files are still the same: workers map them into memory, and would learn others.

        Args:
            log: what a worker wrote to stderr, for the error.

        Raises:
            DataChangedError: a file was replaced, changed or removed.
        """
        for one in self.stamps:
            if Stamp.of(one.path) != one:
                state = "changed" if one.path.exists() else "disappeared"
                raise DataChangedError(
                    f"{one.path}: this file of the data cache {state} while it was in use",
                    log,
                    "no result of the changed data is stored; rerunning the command reads the data again",
                )


@dataclass(frozen=True)
class Progress:
    """One epoch of one member has ended.

    Attributes:
        member: the member.
        epoch: number of the epoch, from 1.
        epochs: number of epochs in all.
        val_loss: log loss on held-out rows, in nats; NaN where there are none.
        val_score: the competition's metric on held-out rows; NaN where there are none.
    """

    member: Member
    epoch: int
    epochs: int
    val_loss: float
    val_score: float


@dataclass(frozen=True)
class Activity:
    """What a worker does for a member from now on, or how far it is with it.

    Attributes:
        member: the member.
        phase: what its worker does.
        epoch: number of the current epoch, from 1; 0 before the first, and for models without epochs.
        share: part of the phase that is done, from 0 to 1; while training, of the epoch, with the
            predictions of held-out rows.
    """

    member: Member
    phase: Phase
    epoch: int = 0
    share: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """The state of a member's training after an epoch, from which `Job.checkpoint` continues.

    Attributes:
        member: the member.
        epoch: number of finished epochs.
        content: what the worker needs to continue.
    """

    member: Member
    epoch: int
    content: bytes


Event = Progress | Activity
"""What a worker reports to people."""


class WorkerHandle(Protocol):
    """A started worker: a separate interpreter, which trains one job after the other."""

    def train(self, job: Job, on_progress: Callable[[Event | Checkpoint], None]) -> MemberResult:
        """Train `job` and return its result.

        Args:
            job: its backend and data are those that the worker was started with.
            on_progress: called after each epoch, in between about once a second, and with each checkpoint,
                from the thread that calls `train`.

        Raises:
            WorkerLostError: the worker ended without a result; another worker may succeed.
            WorkerFailedError: the training failed; the worker can take another job.
        """

    def kill(self) -> None:
        """End the worker at once, from any thread; a running `train` then raises WorkerLostError."""

    def close(self) -> None:
        """End the worker, and free its device."""


OnOutcome = Callable[[Job, MemberResult | WorkerFailedError], None]
"""Receives the result of a job, or why its training failed."""


@runtime_checkable
class BundleWorker(WorkerHandle, Protocol):
    """A worker that also trains several jobs as one program."""

    def train_together(
        self,
        jobs: Sequence[Job],
        on_progress: Callable[[Event | Checkpoint], None],
        on_outcome: OnOutcome,
    ) -> None:
        """Train `jobs` as one program.

        Args:
            jobs: see `kit.training.bundles.bundled`.
            on_progress: see `train`.
            on_outcome: called with the outcome of each job.

        Raises:
            WorkerLostError, WorkerFailedError: the reason for all jobs without an outcome; see `train`.
        """


class Launcher(Protocol):
    """Starts workers somewhere."""

    @property
    def trains_together(self) -> bool:
        """Whether its workers are `BundleWorker`s."""

    def devices(self, backend: str | None) -> list[Device]:
        """Return one device for each worker that runs at once by default.

        Args:
            backend: Keras's; None where no network is trained.
        """

    def more(self, running: int) -> list[Device]:
        """Return devices for workers beyond the `running` ones, if machines have joined; often called."""

    def cluster(self) -> ClusterRecord | None:
        """Return which cluster trained members so far; None: this machine alone."""

    def start(self, device: Device, backend: str, data: DataFolder) -> WorkerHandle:
        """Start a worker, without waiting until it is ready.

        Args:
            device: one of `devices`, or one that `kit.training.launch.devices.assign` made of them.
            backend: Keras's; "none" where no network is trained.
            data: the arrays that jobs refer to; a launcher on other machines sends them by content.
        """

    def suspended_together(self) -> AbstractContextManager[None]:
        """Suspend the workers with this process (Ctrl-Z), and resume them with it (`fg`), in the block."""
