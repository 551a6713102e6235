"""The whole configuration surface: pydantic models, YAML files with `extends`, and `--set a.b=c`.

A configuration is read in three steps: files are merged along `extends`, `--set` changes are laid on top, and the
result is validated once. Each CNN starts from the top-level `training` and `augmentation`, and may override any part.
"""

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kit.errors import UserError

BatchNorm = Literal["none", "before_activation", "after_activation"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*$")]


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values are never changed after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Competition(Section):
    """What the competition's files look like."""

    slug: str = "digit-recognizer"
    label_column: str = "label"
    """Column of train.csv with the class, an integer from 0."""
    pixel_prefix: str = "pixel"
    id_column: str = "ImageId"
    first_id: int = 1
    """Id of the first row of test.csv; ids count up from it."""
    prediction_column: str = "Label"
    image_shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (28, 28)
    """Height and width in pixels, row-major."""
    classes: Annotated[int, Field(ge=2, le=256)] = 10
    public_rows: Annotated[int, Field(ge=1)] | None = None
    """Test rows behind the public score; all of them where unknown."""


class Data(Section):
    """Where the competition's files lie."""

    directory: str = "data"


class Folds(Section):
    """How training rows are held out."""

    count: Annotated[int, Field(ge=2, le=100)] = 5
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    reshuffle: bool = False
    """Give each seed its own folds."""


class Augmentation(Section):
    """Ranges of the random affine change of each training image; each is drawn uniformly from -range to +range."""

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Degrees."""
    shift: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Fraction of the image's height and width, each drawn for itself."""
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Scale, 1 - zoom to 1 + zoom."""
    shear: Annotated[float, Field(ge=0, lt=90)] = 0.0
    """Degrees."""


class Training(Section):
    """How one network is trained. The last epoch counts: there is no early stopping on held-out rows."""

    epochs: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 128
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Peak of the schedule."""
    schedule: Literal["one_cycle", "cosine", "exponential", "constant"] = "one_cycle"
    warmup: Fraction = 0.2
    """Fraction of all steps in which one_cycle and cosine rise to the peak."""
    decay: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Factor an epoch of the exponential schedule."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled decay, of adamw and sgd."""
    momentum: Fraction = 0.9
    """Of sgd (Nesterov)."""
    ema: Fraction = 0.0
    """Momentum a step of the moving average of the weights that predicts; 0 is none."""
    label_smoothing: Fraction = 0.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


class Stage(Section):
    """Convolution, activation, and what stands between and after them."""

    filters: Annotated[int, Field(ge=1)]
    kernel: Annotated[int, Field(ge=1)] = 3
    stride: Annotated[int, Field(ge=1)] = 1
    padding: Literal["same", "valid"] = "same"
    pool: Literal["none", "max", "average"] = "none"
    """2 x 2 pooling after the activation."""
    dropout: Fraction | None = None
    """None: the model's."""
    batch_norm: BatchNorm | None = None
    """None: the model's."""


class Cnn(Section):
    """A convolutional network as data: stages, then dense layers, then the softmax."""

    kind: Literal["cnn"] = "cnn"
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    head: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Widths of the dense layers between the last stage and the softmax."""
    activation: Literal["relu", "tanh", "gelu", "silu"] = "relu"
    dropout: Fraction = 0.0
    """After each stage that does not say otherwise."""
    head_dropout: Fraction | None = None
    """After each dense layer; None: `dropout`."""
    batch_norm: BatchNorm = "none"
    """In each stage and dense layer that does not say otherwise."""
    l2: Annotated[float, Field(ge=0)] = 0.0
    """Factor of the squared kernels in the loss."""
    training: Training = Training()
    augmentation: Augmentation = Augmentation()


class LogisticRegression(Section):
    """Multinomial logistic regression on pixels scaled to 0..1."""

    kind: Literal["logistic_regression"]
    c: Annotated[float, Field(gt=0)] = 0.1
    """Inverse strength of the L2 penalty."""
    iterations: Annotated[int, Field(ge=1)] = 100


class KNearest(Section):
    """k nearest neighbours, weighted by inverse distance."""

    kind: Literal["knn"]
    neighbours: Annotated[int, Field(ge=1)] = 4


class RandomForest(Section):
    """Random forest on the pixels."""

    kind: Literal["random_forest"]
    trees: Annotated[int, Field(ge=1)] = 300


class Svm(Section):
    """Support vector machine (RBF kernel) after PCA, probabilities calibrated on rows it did not see."""

    kind: Literal["svm"]
    components: Annotated[int, Field(ge=1)] = 50
    c: Annotated[float, Field(gt=0)] = 10.0


Model = Annotated[Cnn | LogisticRegression | KNearest | RandomForest | Svm, Field(discriminator="kind")]


class Blend(Section):
    """The rule from columns to one matrix."""

    method: Literal["mean"] = "mean"


class Config(Section):
    """A resolved configuration."""

    competition: Competition = Competition()
    data: Data = Data()
    folds: Folds = Folds()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**31)], ...], Field(min_length=1)] = (0,)
    """Seeds to train; a whole number n stands for 0 … n-1."""
    training: Training = Training()
    """What each CNN starts from."""
    augmentation: Augmentation = Augmentation()
    """What each CNN starts from."""
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    blend: Blend = Blend()

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_of_seeds(cls, value: Any) -> Any:
        return tuple(range(value)) if type(value) is int and 0 < value <= 1000 else value

    @field_validator("seeds")
    @classmethod
    def _distinct_seeds(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value):
            raise ValueError("every seed may stand once only")
        return value

    @model_validator(mode="before")
    @classmethod
    def _fill_networks(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping) or not isinstance(raw.get("models"), Mapping):
            return raw
        models = {name: _with_defaults(model, raw) for name, model in raw["models"].items() if model is not None}
        return {**raw, "models": models}

    @model_validator(mode="after")
    def _images_fit(self) -> Self:
        for name, model in self.models.items():
            if isinstance(model, Cnn):
                _check_sizes(name, model, self.competition.image_shape)
        return self

    def digest(self, **also: str) -> str:
        """Return the hash (64 hex digits) of what decides a member, together with `also` (fingerprint, backend, …).

        It does not cover seeds, blend, the competition's names and directories: more seeds extend the same run.
        """
        decides = self.model_dump(mode="json", include={"folds", "models"}) | also
        decides["image"] = [*self.competition.image_shape, self.competition.classes]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _with_defaults(model: Any, raw: Mapping[str, Any]) -> Any:
    if not isinstance(model, Mapping) or model.get("kind", "cnn") != "cnn":
        return model
    parts = {part: _merged(raw.get(part) or {}, model.get(part) or {}) for part in ("training", "augmentation")}
    return {"kind": "cnn", **model, **parts}


def _check_sizes(name: str, model: Cnn, shape: tuple[int, int]) -> None:
    for index, stage in enumerate(model.stages):
        lost = 0 if stage.padding == "same" else stage.kernel - 1
        pooled = 1 if stage.pool == "none" else 2
        shape = tuple(-(-(side - lost) // stage.stride) // pooled for side in shape)  # type: ignore[assignment]
        if min(shape) < 1:
            raise ValueError(f"models.{name}.stages.{index}: nothing is left of the image; use fewer strides or padding: same")


def _merged(base: Any, over: Any) -> Any:
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}


def shipped() -> Path:
    """Return the folder of the configurations that come with the package."""
    installed = Path(str(files("kit"))) / "configs"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "configs"


def find(name: str) -> Path:
    """Return the file of configuration `name`: a path, else in ./configs, else shipped.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    if name.endswith((".yaml", ".yml")):
        if Path(name).is_file():
            return Path(name)
        raise UserError("no such configuration file", where=name)
    for folder in (Path("configs"), shipped()):
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = sorted({path.stem for folder in (Path("configs"), shipped()) for path in folder.glob("*.yaml")})
    raise UserError(f"there is no configuration {name!r}{_nearest(name, known)}", expected=f"one of {', '.join(known)}, or a file.yaml")


def load(name: str = "default", changes: Iterable[str] = ()) -> Config:
    """Read configuration `name`, lay `changes` ("a.b=c") on top, and validate.

    Raises:
        UserError: an unknown file or key (with the nearest known one), a value of the wrong type or out of range.
    """
    path = find(name)
    raw = _read(path, ())
    for change in changes:
        _apply(raw, change)
    return validate(raw, str(path))


def validate(raw: Mapping[str, Any], where: str) -> Config:
    """Return `raw` as a configuration; `where` names it in errors.

    Raises:
        UserError: as `load`.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise _explained(error, where) from error


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise UserError("extends leads back to itself", where=str(path))
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise UserError(f"not YAML: {getattr(error, 'problem', None) or error}", where=at) from error
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise UserError("not a configuration", where=str(path), expected="keys and values", received=type(raw).__name__)
    base = raw.pop("extends", None)
    if base is None:
        return raw
    beside = path.parent / f"{base}.yaml"
    parent = beside if beside.is_file() and beside.resolve() != path.resolve() else find(str(base))
    merged: dict[str, Any] = _merged(_read(parent, (*seen, path.resolve())), raw)
    return merged


def _apply(raw: dict[str, Any], change: str) -> None:
    key, separator, text = change.partition("=")
    if not separator or not key:
        raise UserError(f"--set {change}: not a change", expected="KEY=VALUE, as in models.cnn.dropout=0.3")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"--set {change}: the value is not YAML", received=repr(text)) from error
    # YAML 1.1 reads 1e-3 as text; people mean the number.
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            pass
    *parents, last = key.split(".")
    place: Any = raw
    for depth, part in enumerate(parents):
        following = place[_index(place, part, key)] if isinstance(place, list) else place.setdefault(part, {})
        if following is None or not isinstance(following, dict | list):
            raise UserError(f"--set {key}: {'.'.join(parents[: depth + 1])} has no keys below it")
        place = following
    if isinstance(place, list):
        place[_index(place, last, key)] = value
    else:
        place[last] = value


def _index(place: Sequence[Any], part: str, key: str) -> int:
    if part.isdigit() and int(part) < len(place):
        return int(part)
    raise UserError(f"--set {key}: no such element", expected=f"a number from 0 to {len(place) - 1}", received=part)


def _nearest(name: str, known: Iterable[str]) -> str:
    match = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else ""


def _explained(error: ValidationError, where: str) -> UserError:
    first = error.errors()[0]
    # A discriminated union puts the chosen kind in the path; people do not write it.
    kinds = {"cnn", "logistic_regression", "knn", "random_forest", "svm"}
    location = [str(part) for index, part in enumerate(first["loc"]) if not (index == 2 and part in kinds and first["loc"][0] == "models")]
    key = ".".join(location) or "configuration"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        known = _keys_beside(location)
        return UserError(f"unknown key {key}{_nearest(location[-1], known)}", where=where, expected=f"one of {', '.join(known)}" if known else None)
    received = None if key == "configuration" or first["type"] == "missing" else repr(first["input"])[:80]
    return UserError(f"{key}: {message[0].lower()}{message[1:]}", where=where, received=received)


def _keys_beside(location: Sequence[str]) -> list[str]:
    section: type[BaseModel] = Config
    for part in location[:-1]:
        if part in {"competition", "data", "folds", "training", "augmentation", "blend"}:
            section = {"competition": Competition, "data": Data, "folds": Folds, "training": Training, "augmentation": Augmentation, "blend": Blend}[part]
        elif part == "stages":
            section = Stage
        elif part == "models":
            section = Cnn
    return sorted(section.model_fields)
