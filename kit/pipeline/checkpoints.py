"""Checkpoints of a run's unfinished members: stored while they train, read when the run is resumed."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from kit.members import Member
from kit.run_folder import Run
from kit.training.checkpoint import SavedTraining, UnusableCheckpointError, continued
from kit.training.job import Job
from kit.training.launch.base import Checkpoint
from kit.training.plan import with_pseudo_labels

SECONDS = 30.0
"""Shortest time between two checkpoints of a member, by default."""
INTERRUPTED_AFTER = "interrupted; the run is complete: `kit report` shows it"
"""What `kit cv` says if Ctrl-C comes after the run, as while its page is drawn."""


class CheckpointStore:
    """The checkpoints of one run. Without them a run is as good, so no fault of theirs ends it.

    Args:
        run: where they are stored.
        seconds: `Job.checkpoint_seconds`.
        say: receives warnings.
    """

    def __init__(self, run: Run, seconds: float, say: Callable[[str], None]) -> None:
        self._run, self._seconds, self._say, self._failed = run, seconds, say, False

    def continued(self, jobs: Sequence[Job]) -> list[Job]:
        """Return jobs that send checkpoints, each with the one that it has; an unusable one is deleted."""
        return [replace(self._continued(job), checkpoint_seconds=self._seconds) for job in jobs]

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace a member's checkpoint; say once if that fails."""
        try:
            self._run.write_checkpoint(checkpoint.member, checkpoint.content)
        except OSError as error:
            path = self._run.checkpoint_path(checkpoint.member)
            if not self._failed:
                what = f"cannot be written ({error.strerror}); an interrupt loses the epochs of this member"
                self._say(f"warning: {path}: {what}")
            self._failed = True

    def delete(self, members: Sequence[Member]) -> None:
        """Delete the checkpoints of complete members, which a process left that was killed."""
        for member in members:
            self._run.checkpoint_path(member).unlink(missing_ok=True)

    def _continued(self, job: Job) -> Job:
        path = self._run.checkpoint_path(job.member)
        if not path.is_file() or not all(self._run.has(teacher) for teacher in job.teachers):
            return job
        try:
            return continued(with_pseudo_labels(job, self._run.read_member), path.read_bytes())
        except UnusableCheckpointError as error:
            reason = str(error)
            path.unlink()
        except OSError as error:
            reason = f"it cannot be read ({error.strerror})"
        self._say(f"warning: {path}: {reason}; {job.member} is trained from the beginning")
        return job


def interrupted_text(run: Run, members: Sequence[Member]) -> str:
    """Return what the command says when the training of `members` was interrupted."""
    if run.is_finished():  # The interrupt came just after.
        return INTERRUPTED_AFTER
    return f"interrupted; {kept_text(run, members)}; rerun the same command to resume"


def kept_text(run: Run, members: Sequence[Member]) -> str:
    """Return what an interrupted run keeps: "1 of 4 members are stored, 1 more is kept up to epoch 3"."""
    missing = [member for member in members if not run.has(member)]
    text = f"{len(members) - len(missing)} of {len(members)} members are stored"
    epochs = [epoch for member in missing if (epoch := _finished_epochs(run, member))]
    if not epochs:
        return text
    first, last = min(epochs), max(epochs)
    range_ = (
        f"epoch {first}"
        if first == last
        else f"epochs {first} {'and' if len(set(epochs)) == 2 else 'to'} {last}"
    )
    return f"{text}, {len(epochs)} more {'is' if len(epochs) == 1 else 'are'} kept up to {range_}"


def _finished_epochs(run: Run, member: Member) -> int:
    try:
        return len(SavedTraining.from_bytes(run.checkpoint_path(member).read_bytes()).epochs)
    except (OSError, UnusableCheckpointError):
        return 0
