"""The competition section: what its files look like, what it scores by, what a submission holds."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from kit.config.base import Count, Flag, MetricName, Section, Whole

Channels = Annotated[Whole, Field(ge=1, le=4)]


def _label(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        raise ValueError(f'expected text, received {value!r}; write it in quotes, as in "no"')
    return str(value) if isinstance(value, int) else value


def _number_as_text(value: Any) -> Any:
    return str(value) if type(value) is int else value


Label = Annotated[str, BeforeValidator(_label), Field(min_length=1)]


class Submission(Section):
    """Which predictions a submission holds."""

    format: Literal["auto", "label", "probability", "probabilities"] = "auto"
    """label: the predicted label; probability: the probability of one label, for two classes; probabilities:
    one column of probabilities per class; auto: what the metric needs (label if it needs labels alone, else
    probability with two classes and probabilities with more)."""
    positive: Label | None = None
    """Label whose probability is submitted (format probability); null: the second one."""
    columns: tuple[Annotated[str, Field(min_length=1)], ...] | None = None
    """Headers of the probability columns (format probabilities): the labels in any order, or other names in
    the order of the labels; null: the labels, in the order of the sample submission."""
    values: dict[Label, Label] | None = None
    """What the submission holds for each label, as in {cat: "0", dog: "1"}; null: the labels themselves."""

    @model_validator(mode="after")
    def _belong_to_the_format(self) -> Self:
        if self.positive is not None and self.format not in {"auto", "probability"}:
            raise ValueError("positive: only format: probability has it")
        if self.values is not None and self.format not in {"auto", "label"}:
            raise ValueError("values: only format: label has them")
        if self.values is not None and len({*self.values.values()}) < len(self.values):
            raise ValueError("values: two labels have the same value")
        if self.columns is not None and self.format not in {"auto", "probabilities"}:
            raise ValueError("columns: only format: probabilities has them; see prediction_column")
        return self


Form = Literal["pixels", "pixel_text", "table", "folders", "file_names"]
IMAGE_FORMS: tuple[Form, ...] = ("table", "folders", "file_names")
"""Forms whose images are files."""
RelativePath = Annotated[str, Field(min_length=1)]


class Competition(Section):
    """What the competition's files look like. Paths are relative to `data.directory`."""

    slug: str = "digit-recognizer"
    """The competition's name in its address on Kaggle."""
    form: Form = "pixels"
    """pixels: CSV files with a column per pixel. pixel_text: CSV files with all pixels of an image in one
    column. table: a CSV file with names and labels of image files. folders: image files in one folder per
    class. file_names: image files whose names contain the label."""
    train: RelativePath = "train.csv"
    """CSV file with the training rows (forms pixels, pixel_text and table)."""
    test: RelativePath | None = "test.csv"
    """CSV file with the test rows; null: there are none. With image files: CSV file with the names of the
    test images, in order; null (their default): the names are the ids of the sample submission, or those of
    the files in `test_images`."""
    sample_submission: RelativePath | None = "sample_submission.csv"
    """The sample submission, if there is one: its ids, in its order, are those of the submission."""
    train_images: RelativePath = "train"
    """Folder of the training images (forms table, folders and file_names); may have folders within."""
    test_images: RelativePath | None = "test"
    """Folder of the test images; may be the same as `train_images`; null: there are none."""
    image_column: str = "id"
    """Column of the table with the names of the image files, with or without the ending, as in .png."""
    label_pattern: str = "^(.+?)[._-]"
    """Regular expression whose first group is the label in a file name (form file_names)."""
    header: Flag = True
    """Whether the CSV files have a header (forms pixels and pixel_text); without one, columns are named by
    their 0-based number."""
    label_column: Annotated[str, BeforeValidator(_number_as_text)] = "label"
    """Column of `train` with the label; ignored in `test`."""
    label_columns: Annotated[tuple[Label, ...], Field(min_length=2)] | None = None
    """Columns of `train` with 1 for the label and 0 for all others, in place of `label_column`."""
    pixels_column: Annotated[str, BeforeValidator(_number_as_text)] = "pixels"
    """Column with all pixels of an image, separated by blanks (form pixel_text)."""
    usage_column: str | None = None
    """Column that says which rows of `train` are training and which are test rows; null: there is none."""
    train_usage: tuple[str, ...] = ("Training",)
    """Values in `usage_column` of training rows."""
    test_usage: tuple[str, ...] = ("PublicTest", "PrivateTest")
    """Values in `usage_column` of test rows; all other rows are left out."""
    classes: Annotated[Whole, Field(ge=2, le=256)] | None = 10
    """Number of classes. Without `labels`, the labels are the integers 0 to classes - 1."""
    labels: Literal["auto"] | Annotated[tuple[Label, ...], Field(min_length=2, max_length=256)] | None = None
    """auto: the labels in train.csv; a list: these labels, in this order; null: the integers 0 to
    classes - 1. With auto or a list, `classes` may be left out; if it is set, it must be their number."""
    pixel_prefix: str | None = "pixel"
    """Pixel columns are named by this prefix and their 0-based number; null: all columns but label, id and
    `ignored_columns` are pixels, in the order of the numbers in their names, or of the file."""
    ignored_columns: tuple[str, ...] = ()
    """Columns of the CSV files that are not read (forms pixels with `pixel_prefix: null`, and pixel_text)."""
    pixel_order: Literal["rows", "columns"] = "rows"
    """Whether the pixels follow each other row by row or column by column."""
    channel_order: Literal["last", "first"] = "last"
    """last: the channels of a pixel are side by side; first: one channel after the other."""
    image_shape: tuple[Count, Count, Channels] = (28, 28, 1)
    """Height, width and number of channels of the images in CSV files; two numbers mean one channel. Image
    files: see `image`."""
    test_id_column: str | None = None
    """Column of `test` with the ids; null: it has none."""
    first_id: Annotated[Whole, Field(ge=0)] | None = 1
    """Id of the first test row, if ids are consecutive integers; null (the default with image files): ids are
    those of the sample submission, in its order. Not used with `test_id_column`."""
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

    # Below the validator above, to run before it.
    @model_validator(mode="before")
    @classmethod
    def _defaults_follow_from_the_form(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping) or raw.get("form", "pixels") == "pixels":
            return raw
        defaults: dict[str, Any] = {} if {"labels", "classes"} & raw.keys() else {"labels": "auto"}
        if raw["form"] in IMAGE_FORMS:
            defaults |= {"test": None, "first_id": None}
        return {**defaults, **raw}

    @property
    def has_files(self) -> bool:
        """Whether the images are files."""
        return self.form in IMAGE_FORMS

    @model_validator(mode="after")
    def _pattern_has_a_group(self) -> Self:
        try:
            groups = re.compile(self.label_pattern).groups
        except re.error as error:
            raise ValueError(f"label_pattern: not a regular expression: {error}") from None
        if not groups:
            raise ValueError("label_pattern: expected a group in parentheses, which is the label")
        return self

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
