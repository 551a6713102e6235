"""The members of a run on disk. The only module that knows file names under members/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import checksums
from kit.damage import ARRAY_ERRORS
from kit.errors import UserError
from kit.files import REPAIR, atomic
from kit.lazy import LazyModule
from kit.masking import masked
from kit.members import pack, unpack

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from kit.members import Member, MemberResult
else:
    np = LazyModule("numpy")


class MemberFiles:
    """The members in the folder of a run.

    Args:
        path: the folder of the run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def member_path(self, member: Member) -> Path:
        """Arrays of a member; its Keras model is in the same folder."""
        return self.path / "members" / f"{member}.npz"

    def network_path(self, member: Member) -> Path:
        """The Keras model of a member; other kinds of models have none."""
        return self.member_path(member).with_suffix(".keras")

    def log_path(self, member: Member) -> Path:
        """The stderr of a failed member's worker; deleted when the member is trained."""
        return self.member_path(member).with_suffix(".log")

    def checkpoint_path(self, member: Member) -> Path:
        """The state of an unfinished member's training; deleted when the member is trained."""
        return self.member_path(member).with_suffix(".checkpoint")

    def has(self, member: Member) -> bool:
        """Return whether the member is trained and readable; `kit.pipeline.verify` checks more."""
        try:
            with np.load(self.member_path(member), allow_pickle=False) as arrays:
                return "history" in arrays
        except ARRAY_ERRORS:
            return False

    def write_log(self, member: Member, text: str) -> None:
        """Replace a member's log; secrets are masked."""
        with atomic(self.log_path(member)) as file:
            file.write(masked(text).encode())

    def write_checkpoint(self, member: Member, content: bytes) -> None:
        """Replace a member's checkpoint (`kit.training.checkpoint`)."""
        with atomic(self.checkpoint_path(member)) as file:
            file.write(content)

    def write_member(self, member: Member, result: MemberResult) -> None:
        """Write a member: its model first, so that a member with arrays is complete."""
        self.log_path(member).unlink(missing_ok=True)
        if result.network is not None:
            self._write(self.network_path(member), result.network)
        self._write(self.member_path(member), pack(result))
        self.checkpoint_path(member).unlink(missing_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        with checksums.recorded(self.path, path) as staged, atomic(staged) as file:
            file.write(content)

    def read_member(self, member: Member) -> MemberResult:
        """Return a member's arrays and history, without its network.

        Raises:
            UserError: the file is missing or damaged.
        """
        path = self.member_path(member)
        try:
            checksums.check(self.path, path, REPAIR)
            return unpack(path.read_bytes())
        except ARRAY_ERRORS as error:
            raise UserError("missing or damaged", where=str(path), hint=REPAIR) from error

    def check_network(self, member: Member) -> None:
        """Check the Keras model of a member against its checksum, if the run has one.

        Raises:
            UserError: it is damaged.
            OSError: it is missing or not readable.
        """
        checksums.check(self.path, self.network_path(member), REPAIR)

    def set_aside(self, path: Path) -> Path:
        """Move a damaged file into the folder damaged/ beside it, and return its new path.

        It gets a number if a file of its name is there already.
        """
        folder = path.parent / "damaged"
        folder.mkdir(exist_ok=True)
        aside, number = folder / path.name, 1
        while aside.exists():
            number += 1
            aside = folder / f"{path.stem}-{number}{path.suffix}"
        return path.rename(aside)
