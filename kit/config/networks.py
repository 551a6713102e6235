"""Networks: convolutional ones, described stage by stage, and residual ones, which adapt to the images."""

import math
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from kit.config.base import Count, Flag, Fraction, Name, Real, Section
from kit.config.training import Augmentation, Precision, Training

BatchNorm = Literal["none", "before_activation", "after_activation"]
Activation = Literal["relu", "tanh", "gelu", "silu"]
LAST_SIDE = 8
"""Pixels of the shorter side before the last pooling of a ResNet, at most."""


class Stage(Section):
    """Convolution and activation, with optional batch normalisation, pooling and dropout."""

    filters: Count
    """Output channels."""
    residual: Flag = False
    """Two convolutions with a shortcut around them, in place of one convolution (a residual block)."""
    kernel: Count = 3
    """Height and width of the kernel."""
    stride: Count = 1
    """Vertical and horizontal stride."""
    repeat: Count = 1
    """Number of such convolutions in sequence; the first has the stride, the last has pooling and dropout."""
    padding: Literal["same", "valid"] = "same"
    """same: zeros around the image; valid: no padding, so the image shrinks by kernel - 1."""
    pool: Literal["none", "max", "average"] = "none"
    """2 x 2 pooling after the activation."""
    dropout: Fraction | None = None
    """Dropout rate at the end of the stage; null: that of the model."""
    batch_norm: BatchNorm | None = None
    """Position of batch normalisation; null: that of the model."""

    @model_validator(mode="after")
    def _a_shortcut_needs_the_same_size(self) -> Self:
        if self.residual and self.padding != "same":
            raise ValueError("residual: expected padding: same, received padding: valid")
        return self


class TrainingPhase(NamedTuple):
    """A part of the training of a network.

    Attributes:
        epochs: passes over the training rows.
        factor: of the learning rate.
        frozen: whether the pretrained layers keep their weights.
    """

    epochs: int
    factor: float = 1.0
    frozen: bool = False


class NetworkModel(Section):
    """Base of the models that Keras trains.

    Every model class answers the questions that `ClassicalModel` lists, so that no module outside
    `kit.config` and `kit.models` tests for a class.
    """

    needs_backend: ClassVar[Literal[True]] = True
    regularisation: ClassVar[tuple[str, ...]]
    """Keys of dropout and batch normalisation that `kit tune` searches by default; `*` is each stage."""
    kind: str
    """Family of the network."""
    teachers: tuple[Name, ...] = ()
    """Models trained first, whose mean predictions of test and held-out images are additional targets.

    These pseudo-labels come from the members of the same fold, which saw the labels of neither.
    """
    deskew: Flag = False
    """Shear slanted digits upright: training, held-out and test images, before everything else.

    The stored network deskews its input itself.
    """
    training: Training = Training()
    """Overrides of the top-level `training`."""
    augmentation: Augmentation = Augmentation()
    """Overrides of the top-level `augmentation`."""

    @property
    def phases(self) -> tuple[TrainingPhase, ...]:
        """Parts of the training, in order."""
        return (TrainingPhase(self.training.epochs),)

    @property
    def epochs(self) -> int:
        """Epochs of training that a worker reports."""
        return sum(phase.epochs for phase in self.phases)

    @property
    def precision(self) -> Precision:
        """Requested precision of the arithmetic."""
        return self.training.precision

    @property
    def views(self) -> bool:
        """Whether it also predicts with test-time augmentation."""
        return self.augmentation.tta

    def explicit(self) -> Self:
        """Return the same model with inherited values written out in its parts."""
        return self

    def check_images(self, name: str, shape: tuple[int, int, int]) -> None:
        """Check that the network takes such images.

        Args:
            name: of the model in the configuration.
            shape: height, width and channels.

        Raises:
            ValueError: it does not.
        """


class Cnn(NetworkModel):
    """A convolutional network: stages, then dense layers, then the softmax."""

    regularisation: ClassVar[tuple[str, ...]] = ("stages.*.dropout", "stages.*.batch_norm")
    kind: Literal["cnn"] = "cnn"
    """A convolutional network; the default kind."""
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    """Convolutions, in order."""
    pooling: Literal["flatten", "average"] = "flatten"
    """What follows the last stage. flatten: all its values; average: the mean of each channel, so that the
    number of weights does not depend on the size of the image."""
    head: tuple[Count, ...] = ()
    """Units of the dense layers between the last stage and the softmax."""
    width: Annotated[Real, Field(gt=0, le=16)] = 1.0
    """Factor of all filters and dense units; the cost grows with its square."""
    activation: Activation = "relu"
    """Activation of every convolution and dense layer."""
    dropout: Fraction = 0.0
    """Dropout rate at the end of each stage that sets none."""
    head_dropout: Fraction | None = None
    """Dropout rate after average pooling and after each dense layer; null: `dropout`."""
    batch_norm: BatchNorm = "none"
    """Position of batch normalisation in each dense layer, and in each stage that sets none."""
    l2: Annotated[Real, Field(ge=0)] = 0.0
    """Weight of the L2 penalty on kernels in the loss."""

    def explicit(self) -> Self:
        """Return the same model with inherited values written out in each stage and the head."""
        stages = tuple(
            stage.model_copy(
                update={
                    "dropout": self.dropout if stage.dropout is None else stage.dropout,
                    "batch_norm": stage.batch_norm or self.batch_norm,
                }
            )
            for stage in self.stages
        )
        head = self.dropout if self.head_dropout is None else self.head_dropout
        return self.model_copy(update={"stages": stages, "head_dropout": head})

    def check_images(self, name: str, shape: tuple[int, int, int]) -> None:
        """See `NetworkModel`."""
        sides = shape[:2]
        for index, stage in enumerate(self.stages):
            for one in self.model_copy(update={"stages": (stage,)}).convolutions():
                lost = 0 if one.padding == "same" else one.kernel - 1
                pooled = 1 if one.pool == "none" else 2
                height, width = (-(-(side - lost) // one.stride) // pooled for side in sides)
                if min(height, width) < 1:
                    place = f"models.{name}.stages.{index}"
                    raise ValueError(
                        f"{place}: nothing is left of the image; use fewer strides, or padding: same"
                    )
                sides = (height, width)

    def convolutions(self) -> list[Stage]:
        """Return one stage per convolution or residual block: `repeat` expanded, `width` applied."""
        return [
            stage.model_copy(
                update={"filters": self._widened(stage.filters), "repeat": 1}
                | ({"stride": 1} if index else {})
                | ({"pool": "none", "dropout": 0.0} if index < stage.repeat - 1 else {})
            )
            for stage in self.stages
            for index in range(stage.repeat)
        ]

    def dense(self) -> list[int]:
        """Return the units of the dense layers, `width` applied."""
        return [self._widened(units) for units in self.head]

    def _widened(self, units: int) -> int:
        return max(1, round(units * self.width))


class ResNet(NetworkModel):
    """A residual network whose strides follow from the size of the images.

    A 3 x 3 convolution, residual blocks, the mean of each channel, dropout, the softmax:
    K. He, X. Zhang, S. Ren and J. Sun (2016), Deep residual learning for image recognition.
    """

    regularisation: ClassVar[tuple[str, ...]] = ("dropout", "batch_norm")
    kind: Literal["resnet"]
    """A residual network that adapts to the size of the images."""
    filters: Annotated[tuple[Count, ...], Field(min_length=1)] = (32, 64, 128)
    """Output channels of each stage."""
    blocks: Count = 1
    """Residual blocks per stage."""
    width: Annotated[Real, Field(gt=0, le=16)] = 1.0
    """Factor of all filters; the cost grows with its square."""
    activation: Activation = "relu"
    """Activation of every convolution."""
    dropout: Fraction = 0.2
    """Dropout rate before the softmax."""
    batch_norm: BatchNorm = "before_activation"
    """Position of batch normalisation."""
    l2: Annotated[Real, Field(ge=0)] = 0.0
    """Weight of the L2 penalty on kernels in the loss."""

    def as_cnn(self, shape: tuple[int, int, int]) -> Cnn:
        """Return the same network as a list of stages.

        The shorter side is halved until 8 pixels or fewer are left: by the second and each later stage, and
        if that is not enough by the first convolution, by pooling after it, and by the first stage.

        Args:
            shape: height, width and channels of an image.
        """
        halvings = max(0, math.ceil(math.log2(min(shape[:2]) / LAST_SIDE)))
        later = min(halvings, len(self.filters) - 1)
        early = halvings - later
        first = Stage(
            filters=self.filters[0], stride=2 if early > 0 else 1, pool="max" if early > 1 else "none"
        )
        strides = [2 if early > 2 else 1] + [2] * later + [1] * len(self.filters)
        stages = [
            Stage(filters=filters, stride=stride, repeat=self.blocks, residual=True)
            for filters, stride in zip(self.filters, strides, strict=False)
        ]
        return Cnn(
            stages=(first, *stages),
            pooling="average",
            head_dropout=self.dropout,
            **self.model_dump(include={"width", "activation", "batch_norm", "l2"}),
        )
