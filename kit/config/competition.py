"""The competition section: what its files look like, what it scores by, what a submission holds."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from kit.config.base import Count, MetricName, Section, Whole

Channels = Annotated[Whole, Field(ge=1, le=4)]


def _label(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        raise ValueError(f'expected text, received {value!r}; write it in quotes, as in "no"')
    return str(value) if isinstance(value, int) else value


Label = Annotated[str, BeforeValidator(_label), Field(min_length=1)]


class Submission(Section):
    """Which predictions a submission holds."""

    format: Literal["label", "probability", "probabilities"] = "label"
    """label: the predicted label; probability: the probability of one label, for two classes; probabilities:
    one column of probabilities per class."""
    positive: Label | None = None
    """Label whose probability is submitted (format probability); null: the second one."""
    columns: tuple[Annotated[str, Field(min_length=1)], ...] | None = None
    """Headers of the probability columns, in the order of the labels (format probabilities); null: the
    labels."""

    @model_validator(mode="after")
    def _belong_to_the_format(self) -> Self:
        if self.positive is not None and self.format != "probability":
            raise ValueError("positive: only format: probability has it")
        if self.columns is not None and self.format != "probabilities":
            raise ValueError("columns: only format: probabilities has them; see prediction_column")
        return self


class Competition(Section):
    """What the competition's files look like."""

    slug: str = "digit-recognizer"
    """The competition's name in its address on Kaggle."""
    label_column: str = "label"
    """Column of train.csv with the label."""
    classes: Annotated[Whole, Field(ge=2, le=256)] | None = 10
    """Number of classes. Without `labels`, the labels are the integers 0 to classes - 1."""
    labels: Literal["auto"] | Annotated[tuple[Label, ...], Field(min_length=2, max_length=256)] | None = None
    """auto: the labels in train.csv; a list: these labels, in this order; null: the integers 0 to
    classes - 1. With auto or a list, `classes` may be left out; if it is set, it must be their number."""
    pixel_prefix: str = "pixel"
    """Pixel columns are named by this prefix and their 0-based number: row by row, the channels of a pixel
    side by side."""
    image_shape: tuple[Count, Count, Channels] = (28, 28, 1)
    """Height and width in pixels, and number of channels; two numbers mean one channel."""
    test_id_column: str | None = None
    """Column of test.csv with the ids; null: it has none."""
    first_id: Annotated[Whole, Field(ge=0)] | None = 1
    """Id of the first row of test.csv, if ids are consecutive integers; null: ids are those of
    sample_submission.csv, in its order. Not used with `test_id_column`."""
    id_column: str = "ImageId"
    """First column of the submission."""
    prediction_column: str = "Label"
    """Second column of the submission."""
    submission: Submission = Submission()
    """Which predictions a submission holds."""
    metric: MetricName = "accuracy"
    """What Kaggle scores by."""
    public_rows: Count | None = None
    """Test rows behind the public score; null: all of them."""

    @field_validator("labels", mode="before")
    @classmethod
    def _labels_are_text(cls, value: Any) -> Any:
        for one in value if isinstance(value, list | tuple) else ():
            if isinstance(one, bool) or not isinstance(one, str | int):
                raise ValueError(f'expected text, received {one!r}; write it in quotes, as in "no" or "1.0"')
        return value

    @field_validator("image_shape", mode="before")
    @classmethod
    def _one_channel(cls, value: Any) -> Any:
        return [*value, 1] if isinstance(value, list | tuple) and len(value) == 2 else value

    @model_validator(mode="before")
    @classmethod
    def _classes_follow_from_labels(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        labels = raw.get("labels")
        if labels is None:
            return {**raw, "labels": "auto"} if raw.get("classes", 10) is None else raw
        known = len(labels) if isinstance(labels, list | tuple) else None
        return {**raw, "classes": known if raw.get("classes") is None else raw["classes"]}

    @model_validator(mode="after")
    def _headers_are_distinct(self) -> Self:
        columns = self.submission.columns or (self.prediction_column,)
        headers = [self.id_column, *columns]
        again = next((one for place, one in enumerate(headers) if one in headers[:place]), None)
        if again is not None:
            raise ValueError(f"submission: duplicate column {again!r}")
        return self

    @model_validator(mode="after")
    def _labels_are_distinct(self) -> Self:
        if isinstance(self.labels, tuple):
            again = next((one for place, one in enumerate(self.labels) if one in self.labels[:place]), None)
            if again is not None:
                raise ValueError(f"labels: duplicate label {again!r}")
            if self.classes != len(self.labels):
                raise ValueError(f"labels: expected {self.classes} (classes), received {len(self.labels)}")
        return self
