"""run.json, ensemble.json, and the history of a member."""

from typing import Any, Literal

from pydantic import Field, model_validator

from kit.records import upgrades
from kit.records.base import Figure, Record

Status = Literal["running", "complete", "failed", "interrupted"]


class Machine(Record):
    """The machine that trained a run."""

    platform: str = ""
    cpu: str = ""
    cores: int = 0
    memory_gib: float = 0.0
    """Memory of the machine."""
    memory_limit_gib: float | None = None
    """Memory limit of a process; None if there is none."""
    features: tuple[str, ...] = ()
    """Instruction sets that matter for training."""
    gpu: str | None = None


class Setting(Record):
    """A key of the configuration that differs from its base; values as YAML."""

    key: str
    value: str
    base: str


class Origin(Record):
    """The command that started a run, and how its configuration differs from its base."""

    command: str = ""
    """Empty if unknown."""
    base: str = ""
    """Configuration that `differences` refers to; empty if unknown."""
    differences: tuple[Setting, ...] = ()


class SourceRun(Record):
    """A run whose columns an ensemble combines."""

    name: str
    path: str
    """Its folder when the ensemble was made."""
    hash: str
    """Hash of what determines its members, 64 hex digits."""
    content: str
    """SHA-256 of its columns' predictions."""
    files: str
    """SHA-256 of names, sizes and times of its members' files: while it is the same, so is `content`."""
    members: int
    tta: bool
    """Whether the predictions are means over views."""


class DifferentWorker(Record):
    """A worker on another machine that may give other numbers than the driver's machine."""

    worker: str
    """Its name and its machine."""
    differences: tuple[str, ...]
    """In what it differs, as in "numpy 2.3.5 instead of 2.4.0"."""


class ClusterRecord(Record):
    """The Dask cluster that trained a run."""

    scheduler: str
    """Its address."""
    workers: int = 0
    """Number of Dask workers that trained members in the latest call."""
    different: tuple[DifferentWorker, ...] = ()
    """Of all calls: those that trained members although they may give other numbers."""

    def after(self, earlier: "ClusterRecord | None") -> "ClusterRecord":
        """Return this record with the different workers of earlier calls."""
        known = earlier.different if earlier else ()
        more = tuple(one for one in self.different if one not in known)
        return self.model_copy(update={"different": known + more})


class RunRecord(Record):
    """run.json: what a run consists of, and its status."""

    version: Literal[2] = 2
    name: str = ""
    config_name: str
    config: dict[str, Any]
    """The resolved configuration as JSON; `kit.config.validate` reads it."""
    hash: str
    """Hash of everything that determines a member, 64 hex digits."""
    hash_version: int = 1
    """Version of the hash; hashes of different versions cannot be compared."""
    fingerprint: str = ""
    """SHA-256 of the data."""
    labels: tuple[str, ...] = ()
    """Labels of class 0, 1, …; empty in runs of version 1."""
    sample: bool
    """Whether the data is the bundled sample."""
    source: str = ""
    """Where the data comes from, for display."""
    rows: int = 0
    test_rows: int = 0
    test_ids: str = ""
    """SHA-256 of the ids of the test rows."""
    backend: str | None = None
    precision: dict[str, str] = Field({})
    """Precision of each network, by name."""
    versions: dict[str, str] = Field({})
    machine: Machine = Field(default_factory=Machine)
    """The driver's."""
    cluster: ClusterRecord | None = None
    """None if all members were trained on the driver's machine."""
    status: Status = "running"
    started: str = ""
    """ISO 8601, UTC."""
    finished: str | None = None
    """ISO 8601, UTC."""
    members_planned: int = 0
    wall_seconds: float = 0.0
    """Sum over all calls."""
    origin: Origin = Field(default_factory=Origin)
    """Of the latest call that trained."""
    sources: tuple[SourceRun, ...] = ()
    """Of an ensemble of runs; empty for a cross-validation."""

    @property
    def command(self) -> str:
        """The command that repeats the run; incomplete if an earlier version made it."""
        return self.origin.command or f"kit cv -c {self.config_name} …"

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, raw: Any) -> Any:
        return upgrades.run(raw)


class EnsembleRecord(Record):
    """ensemble.json: how columns were combined."""

    version: Literal[2] = 2
    method: str
    """The method that was used."""
    requested: str = ""
    """`ensemble.method` of the configuration, or `--method`: a method, or auto; empty in earlier versions."""
    tta: bool
    """Whether the predictions are means over views."""
    calibrate: bool
    weights: dict[str, float]
    """Weight of each column, by key."""
    temperatures: dict[str, float]
    """Temperature of each column, by key; 1 without calibration."""
    intercepts: tuple[float, ...] = ()
    """Of `stack`, one per class: logits are the sum of weight times log-probability, plus these."""
    runs: dict[str, str] = Field({})
    """Hash of each source run, by name; empty for the ensemble of one run's own columns."""

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, raw: Any) -> Any:
        return upgrades.ensemble(raw)


class Curves(Record):
    """Figures per epoch."""

    loss: tuple[Figure, ...] = ()
    """Training loss, with L2."""
    accuracy: tuple[Figure, ...] = ()
    """Accuracy on the augmented training images."""
    val_loss: tuple[Figure, ...] = ()
    """Log loss on held-out rows; None if there are none."""
    val_score: tuple[Figure, ...] = ()
    """The competition's metric on held-out rows; None if there are none."""
    seconds: tuple[float, ...] = ()
    """Training time, without prediction."""


class History(Record):
    """Figures of the training of one member."""

    version: Literal[2] = 2
    epochs: Curves = Field(default_factory=Curves)
    """Empty for a model without epochs."""
    metric: str = "accuracy"
    """Metric of the scores."""
    train_score: Figure = None
    """Score of the training rows, without augmentation."""
    seconds: float | None = None
    """Time of training and prediction."""
    startup_seconds: float = 0.0
    """Time from the start of the process to the start of training."""
    tracing_seconds: float = 0.0
    """Time of tracing and compiling."""
    parameters: int | None = None
    multiply_adds: int | None = None
    """Multiply-adds of one image, forward pass."""
    steps: int | None = None
    batch_size: int | None = None
    attempts: int = 1
    """Number of workers that were started for it."""
    hash: str = ""
    """`RunRecord.hash` of the run that it was trained for; empty in earlier versions."""
    seed_offset: int = 0
    """Number of times that its training diverged; each time it got other random numbers."""

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, raw: Any) -> Any:
        return upgrades.history(raw)
