"""What would be submitted, worked out from files alone: nothing here talks to Kaggle."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.competition.ledger import Ledger, Record
from kit.competition.submission import Checked, check_submission, predictions
from kit.config import Competition, Config, validate
from kit.data import dataset, packed, read
from kit.errors import UserError
from kit.store import Run, find_run

_MESSAGE = 400
"""Letters of a message: the tag behind it must not be cut off."""
_STEM = 60
"""Letters of a file's name that its copy keeps: a name has 255 bytes at most."""


@dataclass(frozen=True)
class Plan:
    """A submission file that passed every check, and what goes with it.

    Attributes:
        source: the file.
        checked: its content.
        competition: what its columns and classes are.
        record: what the ledger would say first.
        warnings: what is odd but allowed, a sentence each.
    """

    source: Path
    competition: Competition
    checked: Checked
    record: Record
    warnings: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """What Kaggle shows beside the submission."""
        return f"{self.record.message} [{self.record.tag}]".lstrip()


def make_plan(target: str | None, config: Config, message: str | None, ledger: Ledger) -> Plan:
    """Find and check what `target` means.

    Args:
        target: a run's name or path, a CSV file, or None: the newest finished run on competition data. A file
            in a run's folder counts as the run's.
        config: describes the competition for a file of no run; a run brings its own.
        message: for the description; None: run, OOF accuracy and configuration hash.
        ledger: decides where the copy goes.

    Raises:
        UserError: no such run or file, a run that is not finished or on the bundled sample, a wrong file.
    """
    run, source = _find(target)
    figures: dict[str, Any] = {}
    words, ids = source.name, None
    if run is not None:
        try:
            config, figures, words, ids = _of_run(run)
        except (LookupError, TypeError) as error:
            raise UserError(f"damaged, or of another version ({error!r})", where=str(run.path)) from error
    message = " ".join((words if message is None else message).split())
    if len(message) > _MESSAGE:
        raise UserError("the message is too long", where="-m", expected=f"at most {_MESSAGE} letters")
    example = example_of(config)
    if example is None and ids is None:
        ids = test_ids(config)
    checked = check_submission(
        source, config.competition, ids=None if example else ids, sample_submission=example, ordered=False
    )
    warnings = [*_warnings(source, checked, config.competition, example)]
    if example is None and ids is None:
        warnings.append(
            f"the number of rows was not checked: no sample_submission.csv or test.csv in "
            f"{' or '.join(f'{folder}/' for folder in dataset.folders(config))}"
        )
    tag = f"kit-{secrets.token_hex(6)}"
    record = Record(
        tag=tag,
        status="uploading",
        competition=config.competition.slug,
        run=run.name if run else None,
        file=str(ledger.folder / f"{(run.name if run else source.stem)[:_STEM]}-{tag}.csv"),
        sha256=checked.sha256,
        message=message,
        **figures,
    )
    return Plan(source, config.competition, checked, record, tuple(warnings))


def example_of(config: Config) -> Path | None:
    """Return the competition's sample submission from where `kit cv` finds the data; None without one."""
    found = (dataset.sample_submission(folder) for folder in dataset.folders(config))
    return next((path for path in found if path is not None), None)


def test_ids(config: Config) -> NDArray[np.int64] | None:
    """Return the ids that the rows of test.csv have; None where there is no such file.

    Raises:
        UserError: the file is damaged.
    """
    found = (dataset.file_in(folder, dataset.FILES[1]) for folder in dataset.folders(config))
    path = next((path for path in found if path is not None), None)
    if path is None:
        return None
    images, _ = read.parse(packed.content(path), str(path), config.competition, labelled=False)
    first = config.competition.first_id
    return np.arange(first, first + len(images))


def _warnings(
    source: Path, checked: Checked, competition: Competition, example: Path | None
) -> Iterator[str]:
    predicted = np.flatnonzero(checked.counts)
    if len(predicted) == 1 and checked.rows > 1:
        yield f"{source} predicts class {predicted[0]} for every row"
    if example is not None and predictions(source, competition) == predictions(example, competition):
        yield f"{source} is the same as the competition's sample submission"


def _of_run(run: Run) -> tuple[Config, dict[str, Any], str, NDArray[np.int64]]:
    """Return a run's configuration, figures for the ledger, default message, and the ids of its test rows."""
    info = run.info()
    if info["sample"]:
        hint = "bring the competition's data (kit data fetch), then kit cv"
        raise UserError(
            "trained on the bundled sample, not on the competition", where=str(run.path), hint=hint
        )
    if not run.is_finished():
        raise UserError("this run is not finished", where=str(run.path), hint="kit cv goes on with it")
    config = validate(info["config"])
    oof, expected = run.report()["oof"], run.report()["expected_score"]
    figures = {
        "oof_accuracy": oof["accuracy"],
        "oof_interval": tuple(oof["interval"]),
        "expected_score": (expected["low"], expected["high"]),
    }
    words = f"{run.name} OOF {oof['accuracy']:.5f} {info['hash'][:8]}"
    first = config.competition.first_id
    return config, figures, words, np.arange(first, first + info["test_rows"])


def _find(target: str | None) -> tuple[Run | None, Path]:
    """Return the run, if there is one, and the file."""
    if target is not None and (Path(target).is_file() or target.endswith(".csv")):
        source = Path(target)
        run = Run(source.resolve().parent)
        return (run if run.exists() else None), source
    run = find_run(target, on_sample=False)
    return run, run.submission_path


def describe(plan: Plan, ledger: Ledger) -> list[str]:
    """Return what will be sent, a line each: file, classes, OOF score, what changed since the last time."""
    record, checked = plan.record, plan.checked
    lines = {
        "competition": record.competition,
        "file": f"{plan.source}, {checked.rows:,} rows, SHA-256 {checked.sha256[:8]}",
        "classes": "  ".join(f"{label}: {count:,}" for label, count in enumerate(checked.counts.tolist())),
        "OOF score": "not known: the file belongs to no run",
        "changed": _changed(plan, ledger),
        "message": plan.description,
    }
    if record.oof_accuracy is not None and record.oof_interval and record.expected_score:
        low, high = record.oof_interval
        least, most = record.expected_score
        lines["OOF score"] = (
            f"{record.oof_accuracy:.5f} ({low:.5f} to {high:.5f}); expected {least:.5f} to {most:.5f}"
        )
    warnings = [f"{'warning:':12} {text}" for text in plan.warnings]
    return [*(f"{name + ':':12} {text}" for name, text in lines.items()), *warnings]


def _changed(plan: Plan, ledger: Ledger) -> str:
    sent = [
        record for record in ledger.records() if record.sent and record.competition == plan.record.competition
    ]
    if not sent:
        return "this is the first submission from here"
    last = sent[-1]
    since = f"since {last.name} of {last.begun[:10]}" + (
        f", score {last.public_score}" if last.public_score else ""
    )
    try:
        earlier = check_submission(Path(last.file), plan.competition, ordered=False)
    except UserError:
        return f"not known {since}: its copy is gone"
    if earlier.sha256 != last.sha256 or earlier.rows != plan.checked.rows:
        return f"not known {since}: its copy is another file now"
    before = earlier.by_id
    count = sum(before.get(identity) != label for identity, label in plan.checked.by_id.items())
    return f"{count:,} of {earlier.rows:,} rows ({100 * count / earlier.rows:.2f} %) {since}"
