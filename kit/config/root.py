"""The whole configuration.

The top-level `training` and `augmentation` are the defaults of each network, which may override any key.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from kit.config.base import Count, Flag, Name, Section, Seed, Whole
from kit.config.competition import Competition
from kit.config.models import Model
from kit.config.networks import NetworkModel
from kit.config.notation import is_ambiguous
from kit.config.training import Augmentation, Training
from kit.config.tune import Tune
from kit.errors import UserError
from kit.files import expanded

HASH_VERSION = 3
"""Version of the hash; a new version changes the name of every run."""
NETWORK_KINDS = {get_args(one.model_fields["kind"].annotation)[0] for one in NetworkModel.__subclasses__()}
"""Kinds of models that inherit the top-level `training` and `augmentation`."""


class Data(Section):
    """Where the competition's files are."""

    directory: Annotated[str, Field(min_length=1)] = "data"
    """Folder of the competition's files; `~` is the home folder.

    If it is set here and the files are missing, that is an error; kit then uses no other data.
    """

    @field_validator("directory", mode="before")
    @classmethod
    def _in_yaml_a_tilde_is_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("expected a folder, received nothing; in YAML the home folder is written '~/'")
        return value

    @field_validator("directory")
    @classmethod
    def _expanded(cls, value: str) -> str:
        if "\0" in value:
            raise ValueError("a path cannot hold a NUL character")
        try:
            return expanded(value)
        except UserError as error:
            raise ValueError(f"{error.where}: {error.what}; {error.hint}") from None

    @property
    def is_named(self) -> bool:
        """Whether the user set the directory, in a file or with --set."""
        return "directory" in self.model_fields_set


class Image(Section):
    """How image files are read. The images of CSV files are not changed (see `competition.image_shape`)."""

    size: Count | tuple[Count, Count] = 64
    """Height and width in pixels, one number for both; images of another size are resized."""
    channels: Literal[1, 3] = 3
    """1: grey; 3: red, green and blue."""
    fit: Literal["stretch", "letterbox"] = "stretch"
    """How an image of another shape is made to fit. stretch: each side by its own factor; letterbox: both by
    the same factor, with a black margin."""

    @field_validator("size", mode="before")
    @classmethod
    def _one_or_two_numbers(cls, value: Any) -> Any:
        sides = value if isinstance(value, list | tuple) and len(value) == 2 else [value]
        # Else pydantic names the branches of the union.
        if all(type(side) is int and side > 0 for side in sides):
            return value
        raise ValueError(f"expected pixels, or [height, width]; received {value!r}")


class Group(Section):
    """Where the groups of the training rows are written."""

    table: Annotated[str, Field(min_length=1)]
    """CSV file, relative to `data.directory`."""
    column: Annotated[str, Field(min_length=1)]
    """Column with the group, as in subject or patient_id."""
    key: str | None = None
    """Column with the names of the images; null: the column that has all of them, or the rows of
    `competition.train` in order."""


class Folds(Section):
    """Cross-validation folds."""

    count: Annotated[Whole, Field(ge=2, le=100)] = 5
    """Number of folds."""
    seed: Seed = 0
    """Seed of the shuffle that assigns rows to folds."""
    reshuffle: Flag = False
    """Use different folds for each training seed."""
    group: Group | None = None
    """Rows of one group are in the same fold, as all images of one person must be; null: no groups."""


Method = Literal["mean", "geometric", "rank", "vote", "weighted", "greedy", "stack", "best", "auto"]
FITTED_METHODS: tuple[Method, ...] = ("weighted", "greedy", "stack", "best")
"""Methods that fit weights on the OOF predictions and the labels."""


class Ensemble(Section):
    """How the columns of a run are combined."""

    method: Method = "mean"
    """mean: unweighted mean of the probabilities. geometric: mean of their logarithms. rank: mean of ranks.
    vote: most frequent prediction, ties by mean probability. weighted: weights with the lowest log loss.
    greedy: columns added one by one while the metric improves. stack: logistic regression on the logarithms.
    best: the best column. auto: mean, unless another method is clearly better.

    The weights of `weighted`, `greedy`, `stack` and `best` are fitted; OOF figures are cross-fitted.
    """
    tta: Flag = False
    """Use the mean over views of networks with `augmentation.tta`; the report compares with and without."""
    calibrate: Flag = False
    """Scale each column by a temperature fitted on its OOF predictions."""


class Config(Section):
    """A resolved configuration."""

    competition: Competition = Competition()
    """Format of the competition's files."""
    data: Data = Data()
    """Where these files are."""
    image: Image = Image()
    """How image files are read."""
    folds: Folds = Folds()
    """Cross-validation folds."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    """Training seeds; a whole number n means 0 to n - 1."""
    all_rows: Flag = False
    """Also train each model and seed on all rows, for test predictions only; OOF figures do not change."""
    together: Annotated[Whole, Field(ge=1, le=64)] = 1
    """Members of one network that one worker trains as one program; more than 1 needs JAX."""
    training: Training = Training()
    """Default of each network."""
    augmentation: Augmentation = Augmentation()
    """Default of each network."""
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    """Models to train, by name; null removes an inherited model."""
    ensemble: Ensemble = Ensemble()
    """How columns are combined."""
    tune: Tune = Tune()
    """Settings of `kit tune`."""

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_of_seeds(cls, value: Any) -> Any:
        if isinstance(value, str | float) and not is_ambiguous(value):
            raise ValueError(f"expected a number from 1 to 1000, or a list of seeds; received {value!r}")
        if type(value) is not int:
            return value
        if not 0 < value <= 1000:
            raise ValueError(f"expected a number from 1 to 1000, or a list of seeds; received {value}")
        return tuple(range(value))

    @field_validator("seeds")
    @classmethod
    def _distinct_seeds(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value):
            raise ValueError("seeds must be distinct")
        return value

    @model_validator(mode="before")
    @classmethod
    def _fill_networks(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        # A key without a value, as when all lines below it are commented out, counts as absent.
        given = {key: value for key, value in raw.items() if value is not None or key not in cls.model_fields}
        if isinstance(given.get("models"), Mapping):
            models = {name: model for name, model in given["models"].items() if model is not None}
            given["models"] = {name: _with_defaults(model, given) for name, model in models.items()}
        return given

    @model_validator(mode="after")
    def _images_fit(self) -> Self:
        for name, model in self.models.items():
            if isinstance(model, NetworkModel):
                model.check_images(name, self.image_shape)
        return self

    @model_validator(mode="after")
    def _teachers_are_valid(self) -> Self:
        for name, model in self.models.items():
            for teacher in model.teachers:
                found = self.models.get(teacher)
                if found is None:
                    known = ", ".join(self.models)
                    raise ValueError(f"models.{name}.teachers: no model {teacher!r}; the models are {known}")
                if teacher == name or found.teachers:
                    raise ValueError(f"models.{name}.teachers: {teacher!r} has teachers itself")
        return self

    @model_validator(mode="after")
    def _some_network_has_views(self) -> Self:
        if self.ensemble.tta and not any(model.views for model in self.models.values()):
            raise ValueError("ensemble.tta: no network predicts views; set augmentation.tta: true")
        return self

    @property
    def names_data(self) -> bool:
        """Whether the user chose the data directory; data/<slug> is that of shipped configurations."""
        return self.data.is_named and self.data.directory != f"data/{self.competition.slug}"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that models see."""
        if not self.competition.has_files:
            return self.competition.image_shape
        size = self.image.size
        height, width = (size, size) if isinstance(size, int) else size
        return height, width, self.image.channels

    def digest(self, **also: str) -> str:
        """Return the hash (64 hex digits) of all that determines a member, with `also` (fingerprint, …).

        It covers the folds, the models with their training and augmentation, the image shape, the classes and
        how many members are trained together.
        It does not cover seeds, all_rows, ensemble, tune, names and directories: more seeds extend the same
        run. It does not cover the requested precision either: the resolved one belongs in `also`.
        """
        fields = self.model_dump(mode="json", include={"folds", "models"}) | also
        for model in fields["models"].values():
            model.get("training", {}).pop("precision", None)
        fields["image"] = [*self.image_shape, self.competition.classes]
        if self.together > 1:
            fields["together"] = self.together
        fields["version"] = HASH_VERSION
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def merged(base: Any, over: Any) -> Any:
    """Return `base` overridden by `over`: mappings key by key, other values replaced."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}


def _with_defaults(model: Any, raw: Mapping[str, Any]) -> Any:
    if not isinstance(model, Mapping) or model.get("kind", "cnn") not in NETWORK_KINDS:
        return model
    parts = {
        part: merged(raw.get(part) or {}, model.get(part) or {}) for part in ("training", "augmentation")
    }
    return {"kind": "cnn", **model, **parts}
