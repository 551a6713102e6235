"""A finished run in a notebook: its tables, its figures and its report."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Union

from kit import run_folder
from kit.errors import KitError, UserError
from kit.masking import masked
from kit.members import ALL_ROWS, Member
from kit.metrics import LOSS, METRICS
from kit.notebook import markup, tables
from kit.notebook.arguments import python_words
from kit.notebook.figures import Figure, figure, names
from kit.notebook.messages import say
from kit.pipeline.report import current
from kit.records import Report
from kit.reports.formatting import duration
from kit.reports.html.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class Run:
    """A finished run or ensemble. Everything is read from its folder when it is asked for.

    Args:
        folder: its files.
    """

    def __init__(self, folder: run_folder.Run) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self._folder.name

    @property
    def path(self) -> Path:
        """Its folder."""
        return self._folder.path

    @property
    def report(self) -> Report:
        """Every figure of the report, typed; the report is computed again if it is out of date."""
        return current(self._folder, say)

    @property
    def oof(self) -> "pd.DataFrame":
        """OOF predictions: label, predicted, one probability per class; the index is the row of train.csv."""
        return tables.oof(self._there(self._folder.oof_path))

    @property
    def test(self) -> "pd.DataFrame":
        """Test predictions: predicted, and one probability per class; the index is the id."""
        return tables.test(self._there(self._folder.test_path))

    @property
    def submission(self) -> "pd.DataFrame":
        """The submission, as it is sent."""
        return tables.submission(self._there(self._folder.submission_path))

    def verify(self) -> tuple[str, ...]:
        """Return what is damaged or missing in its folder, a line each; see `kit cv --verify`.

        Raises:
            UserError: a process is writing the run.
        """
        from kit.pipeline.verify import verify

        return tuple(map(str, verify(self._folder).findings))

    @property
    def members(self) -> "pd.DataFrame":
        """One row per trained model: model, fold, seed, scores, seconds, path of the Keras network."""
        return tables.members(self._folder, self.report)

    @property
    def history(self) -> "pd.DataFrame":
        """Learning curves of all members, one row per member and epoch; none for models without epochs."""
        return tables.history(self._there(self._folder.history_path))

    @property
    def figures(self) -> tuple[str, ...]:
        """Names for `figure`."""
        return names(self.report)

    def figure(self, name: str) -> Figure:
        """Return a figure of the report.

        Args:
            name: one of `figures`, as in "confusion".

        Raises:
            UserError: the report has no such figure.
        """
        return figure(self.report, name)

    @python_words
    def predict(
        self, images: "str | Path | Iterable[str | Path] | NDArray[np.uint8]", *, invert: bool = False
    ) -> "pd.DataFrame":
        """Predict new images with the networks of the run, as `kit predict` does.

        What does not look like the training images is printed.

        Args:
            images: paths of image files, of CSV files in the format of the competition's test file, or of
                folders of images; or an array (rows, height, width, channels) of uint8 in the shape of the
                run, where channels may be left out if it is 1.
            invert: invert the images, as for digits drawn dark on light.

        Returns:
            predicted label and one probability per class; the index is the file, or the row of the array.

        Raises:
            UserError: an image is not readable or has another shape, or a network is missing.
        """
        from kit.notebook.predictions import predict

        return predict(self._folder, images, inverted=invert)

    def network(self, model: str | None = None, fold: int | None = 0, seed: int = 0) -> Path:
        """Return the path of a trained network, for `keras.saving.load_model`.

        The network takes images (rows, height, width, channels) with pixels from 0 to 255, and gives
        probabilities.

        Args:
            model: its name; None: the only model of the run.
            fold: the held-out fold; None: trained on all rows.
            seed: of the training.

        Raises:
            UserError: there is no such network in the folder of the run, or its file is damaged or holds
                something that kit does not store: Keras might execute it.
        """
        from kit.models.keras_file import check_keras_file

        stored = self.members.dropna(subset=["path"])
        models = list(dict.fromkeys(stored["model"]))
        if model is None and len(models) == 1:
            [model] = models
        member = Member(model or "", ALL_ROWS if fold is None else fold, seed)
        if str(member) in stored.index:
            path = Path(str(stored.loc[str(member), "path"]))
            check_keras_file(path)
            return path
        known, sources = ", ".join(stored.index), self._folder.read_record().sources
        raise UserError(
            f"there is no network {str(member)!r}" if model else "there are several models, or no networks",
            where=str(self.path),
            expected=f"one of {known}" if known else None,
            hint=f"open its source runs: {', '.join(one.name for one in sources)}" if sources else None,
        )

    def _there(self, path: Path) -> Path:
        """Return the path of a file, which may have to be computed first."""
        if not path.is_file():
            current(self._folder, say)
        if not path.is_file():
            raise UserError("this run has no such file", where=str(path), hint="the lines above say why")
        return path

    def __repr__(self) -> str:
        try:
            return f"Run {self.name}: {_score(self.report)}\n{_cost(self.report)}; {self._folder.page_path}"
        except KitError as error:
            return f"Run {self.name}: {masked(str(error))}"

    def _repr_html_(self) -> str:
        try:
            report = self.report
        except KitError:
            return f"<pre>{escape(repr(self))}</pre>"
        figures = markup.table(_figures(report))
        sample = "<p>Bundled sample: these figures say nothing about the competition.</p>" * report.sample
        frame = markup.page(self._folder.page_path) or f"<p>Report: {escape(str(self._folder.page_path))}</p>"
        return f"<p><b>{escape(self.name)}</b></p>{figures}{sample}{frame}"


def folder_of(run: Union[str, Path, Run, None]) -> run_folder.Run:  # noqa: UP007 - Run is not a type yet
    """Return the folder of a run.

    Args:
        run: a run, its name or the path of its folder; None: the newest finished run.

    Raises:
        UserError: there is no such run.
    """
    if run is not None and not isinstance(run, str | Path | Run):
        raise UserError("not a run", expected="a name, a path or a run", received=f"{run!r:.80}")
    if isinstance(run, Run):
        return run_folder.find_run(str(run.path))
    return run_folder.find_run(None if run is None else str(run))


def _score(report: Report) -> str:
    metric, oof = METRICS[report.metric], report.oof
    interval = metric.format_interval(oof.interval)
    return (
        f"OOF {metric.title} {metric.format(oof.value)}{metric.unit} ({interval}), "
        f"{counted(oof.errors, 'error')} in {counted(oof.rows, 'row')}"
    )


def _cost(report: Report) -> str:
    sample = ", bundled sample" * report.sample
    return f"{counted(len(report.members), 'member')} in {duration(report.time.wall_seconds)}{sample}"


def _figures(report: Report) -> dict[str, list[str]]:
    metric, oof, expected = METRICS[report.metric], report.oof, report.expected_score
    loss = {} if metric is LOSS else {LOSS.title.capitalize(): [LOSS.format(oof.log_loss)]}
    return {
        f"OOF {metric.heading}": [metric.format(oof.value)],
        "95 % interval": [metric.format_interval(oof.interval)],
        "Expected score": [metric.format_interval((expected.low, expected.high))],
        "Errors": [f"{oof.errors:,} of {oof.rows:,}"],
        **loss,
        "Members": [f"{len(report.members):,}"],
        "Time": [duration(report.time.wall_seconds)],
    }
