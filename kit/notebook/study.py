"""A study in a notebook."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from kit.notebook import markup
from kit.records import StudyReport


@dataclass(frozen=True)
class Study:
    """A search for a better configuration, and its confirmation.

    Attributes:
        report: every figure, typed.
        path: of its page.
    """

    report: StudyReport
    path: Path

    @property
    def config(self) -> str | None:
        """The configuration that was written, for `kit.cv`; None if no trial was confirmed as better."""
        return self.report.confirmation.config_path if self.report.confirmation else None

    def __repr__(self) -> str:
        status = self.report.confirmation.status if self.report.confirmation else "not confirmed yet"
        tuned = f"; {self.config}" if self.config else ""
        trials = f"{self.report.trials.complete} complete trials"
        return f"Study {self.report.study}: {trials}, {status}{tuned}\n{self.path}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{markup.page(self.path)}"
