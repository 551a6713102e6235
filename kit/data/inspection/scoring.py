"""What a submission holds and what it is scored by: known, or the most likely from the sample submission."""

from dataclasses import dataclass

from kit.config import Competition, MetricName
from kit.data.inspection.clues import Clues
from kit.data.inspection.findings import Ask, Choice, Line, Question, Setting, Training
from kit.data.inspection.known import Known
from kit.data.inspection.sample import Sample
from kit.data.inspection.table import is_integer, is_number
from kit.metrics import METRICS
from kit.task.format import Predicts, resolved_format
from kit.task.labels import LabelEncoder

_QUESTION = Question(
    "Which metric has the competition?",
    (Choice("auc", "the submission holds probabilities"), Choice("accuracy", "the submission holds labels")),
)


@dataclass(frozen=True)
class Scoring:
    """The metric, what a submission holds, and why.

    Attributes:
        metric, format: keys of the configuration.
        reason: for the format.
        certainty: for the metric, as in "known for cifar-10"; "" if it is a guess.
        question: what nobody answered.
    """

    metric: MetricName
    format: Predicts
    reason: str
    certainty: str = ""
    question: Question | None = None

    @property
    def lines(self) -> tuple[Line, Line]:
        """Submission and metric in words."""
        title = METRICS[self.metric].title
        kinds = {
            "label": "the predicted label",
            "probability": "the probability of one label",
            "probabilities": "probabilities, one column per class",
        }
        metric = f"{title}, {self.certainty}" if self.certainty else f"unknown, {title} assumed"
        return Line("submission", f"{kinds[self.format]}, {self.reason}"), Line("metric", metric)


def conclude(training: Training, clues: Clues, slug: str) -> Scoring:
    """Return the metric and the format of a submission."""
    known, sample = clues.known, clues.sample
    if known and _agree(known, training, sample):
        return Scoring(known.metric, known.format, f"as {slug} expects", f"known for {slug}")
    if sample is None:
        return Scoring("accuracy", "label", "because there is no sample submission")
    if len(sample.columns) > 1:
        return Scoring("log_loss", "probabilities", f"because the sample holds {_value(sample, training)}")
    return _of_one_column(training, sample, clues.ask)


def _of_one_column(training: Training, sample: Sample, ask: Ask) -> Scoring:
    """Return the metric and the format of a submission with one column of predictions."""
    cells, classes = sample.table.counts(sample.columns[0]), len(training.labels)
    value = next(iter(cells))
    if classes > 2 or not is_number(value):
        return Scoring("accuracy", "label", f"because the sample holds {value!r} for {classes} classes")
    if sample.has_fractions:
        return Scoring("auc", "probability", f"because the sample holds {value} for two classes")
    match ask(_QUESTION):
        case "accuracy":
            return Scoring("accuracy", "label", "because accuracy scores labels", "as you answered")
        case "auc":
            return Scoring("auc", "probability", "because AUC scores probabilities", "as you answered")
        case _:
            reason = f"a guess: the sample holds {value}, which may also be a label"
            return Scoring("auc", "probability", reason, question=_QUESTION)


def settings(scoring: Scoring, training: Training, clues: Clues) -> list[Setting]:
    """Return the keys for metric, header and format of a submission."""
    others = ", ".join(one for one in METRICS if one != scoring.metric)
    comment = scoring.certainty or f"a guess; others: {others}"
    if scoring.question:
        comment = f"a guess: {scoring.question.as_comment}"
    found = [Setting("competition.metric", scoring.metric, comment)]
    sample = clues.sample
    if sample:
        if sample.table.name != Competition().sample_submission:
            found.append(Setting("competition.sample_submission", sample.table.name))
        found.append(Setting("competition.id_column", sample.table.header[0]))
        if scoring.format != "probabilities":
            found.append(Setting("competition.prediction_column", sample.table.header[1]))
    else:
        columns = [one.value for one in training.settings if one.key == "competition.image_column"]
        if columns and training.label_column:
            found.append(Setting("competition.id_column", columns[0], "a guess"))
            found.append(Setting("competition.prediction_column", training.label_column, "a guess"))
    labels = training.encoder.labels
    if scoring.format != resolved_format(Competition(metric=scoring.metric), len(labels)):
        found.append(Setting("competition.submission.format", scoring.format))
    may_be_labels = scoring.format == "label" or scoring.question
    if may_be_labels and sample and _holds_other_numbers(sample, labels):
        are_numbers = all(map(is_integer, labels))  # as in 3.0 for 3
        values = {
            label: str(int(float(label)) if are_numbers else number) for number, label in enumerate(labels)
        }
        cell = next(iter(sample.table.counts(sample.columns[0])))
        comment = f"values: written for the labels, because the sample holds {cell!r}; in this order?"
        found.append(Setting("competition.submission.values", values, comment))
    if scoring.format == "probability":
        positive = _positive(labels, clues)
        other = next(label for label in labels if label != positive)
        comment = f"the probability of {positive}, not of {other}"
        found.append(Setting("competition.submission.positive", positive, comment))
    elif (
        scoring.format == "probabilities"
        and sample
        and {*sample.columns} != {*labels}
        and len(sample.columns) == len(labels)
    ):
        found.append(
            Setting(
                "competition.submission.columns",
                sample.columns,
                f"for the labels {', '.join(labels[:3])} …, in this order?",
            )
        )
    return found


def _holds_other_numbers(sample: Sample, labels: tuple[str, ...]) -> bool:
    """Return whether labels are text, and the sample submission holds integers that are none of them."""
    cells = sample.table.counts(sample.columns[0])
    are_text = not LabelEncoder(labels).are_integers
    return are_text and all(map(str.isdecimal, cells)) and not cells.keys() & {*labels}


def _agree(known: Known, training: Training, sample: Sample | None) -> bool:
    """Return whether the files can be those of the competition of this name."""
    fits_sample = sample is None or (known.format == "probabilities") == (len(sample.columns) > 1)
    return fits_sample and (known.format != "probability" or len(training.labels) == 2)


def _positive(labels: tuple[str, ...], clues: Clues) -> str:
    """Return the label whose probability is submitted: the known one, the one in the header, or the last."""
    if clues.known and clues.known.positive in labels:
        return str(clues.known.positive)
    headers = [one.lower() for one in clues.sample.columns] if clues.sample else []
    return next((one for one in labels if one.lower() in headers), labels[-1])


def _value(sample: Sample, training: Training) -> str:
    """Return a value of the sample, as a fraction if it is one divided by the number of classes."""
    cell = sample.table.values(sample.columns[0])[0]
    classes = len(training.labels)
    try:
        return f"1/{classes}" if abs(float(cell) - 1 / classes) < 1e-3 / classes else cell
    except ValueError:
        return repr(cell)
