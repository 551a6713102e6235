"""Models: convolutional networks, their training and augmentation, and classical models."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from kit.config.base import Count, Flag, Fraction, Name, Real, Section

BatchNorm = Literal["none", "before_activation", "after_activation"]
Precision = Literal["auto", "float32", "bfloat16"]


class Augmentation(Section):
    """Random transformations of training images; affine parameters are uniform from -range to +range."""

    rotation: Annotated[Real, Field(ge=0, le=180)] = 0.0
    """Rotation in degrees."""
    shift: Annotated[Real, Field(ge=0, le=1)] = 0.0
    """Vertical and horizontal shift, as fractions of height and width, drawn independently."""
    zoom: Fraction = 0.0
    """Scale factor, uniform from 1 - zoom to 1 + zoom."""
    shear: Annotated[Real, Field(ge=0, lt=90)] = 0.0
    """Shear angle in degrees."""
    elastic: Annotated[Real, Field(ge=0, le=10)] = 0.0
    """Elastic distortion: standard deviation of the displacement of a pixel, in pixels, in each direction."""
    elastic_scale: Annotated[Real, Field(ge=1, le=50)] = 4.0
    """Standard deviation, in pixels, of the Gaussian that smooths the displacements."""
    tta: Flag = False
    """Test-time augmentation: also predict the mean over 7 views (see `ensemble.tta`).

    The views are fixed: the image, 4 shifts by one pixel, and 2 rotations by 8 degrees.
    """


class Training(Section):
    """Training of one network. The last epoch counts: nothing is stopped or chosen on held-out rows."""

    epochs: Count = 20
    """Passes over the training rows."""
    batch_size: Count = 128
    """Images per step."""
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = "adam"
    """Optimiser; muon orthogonalises the momentum of convolutions and uses Adam for the other weights."""
    learning_rate: Annotated[Real, Field(gt=0)] = 1e-3
    """Learning rate at the peak of the schedule."""
    relative_step: Annotated[Real | None, Field(gt=0, lt=1)] = None
    """Of muon: step of a kernel at the peak of the schedule, relative to its norm; null: 0.012."""
    schedule: Literal["one_cycle", "cosine", "exponential", "constant"] = "one_cycle"
    """Shape of the learning rate over the steps."""
    warmup: Fraction = 0.2
    """Fraction of all steps in which one_cycle and cosine rise to the peak."""
    decay: Annotated[Real, Field(gt=0, le=1)] = 0.95
    """Factor per epoch of the exponential schedule."""
    weight_decay: Annotated[Real, Field(ge=0)] = 0.0
    """Decoupled weight decay of adamw and sgd."""
    momentum: Fraction = 0.9
    """Nesterov momentum of sgd."""
    ema: Fraction = 0.0
    """Momentum per step of the exponential moving average of the weights, which predicts; 0: no average."""
    label_smoothing: Fraction = 0.0
    """Share of the target spread evenly over all classes; raises the log loss, which `kit tune` minimises."""
    precision: Precision = "auto"
    """Precision of the arithmetic; weights stay float32. auto: bfloat16 where it is faster."""


class Stage(Section):
    """Convolution and activation, with optional batch normalisation, pooling and dropout."""

    filters: Count
    """Output channels."""
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


class Cnn(Section):
    """A convolutional network: stages, then dense layers, then the softmax.

    Every model class answers the questions that `ClassicalModel` lists, so that no module outside
    `kit.config` and `kit.models` tests for a class.
    """

    needs_backend: ClassVar[Literal[True]] = True
    kind: Literal["cnn"] = "cnn"
    """A convolutional network; the default kind."""
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    """Convolutions, in order."""
    teachers: tuple[Name, ...] = ()
    """Models trained first, whose mean predictions of test and held-out images are additional targets.

    These pseudo-labels come from the members of the same fold, which saw the labels of neither.
    """
    deskew: Flag = False
    """Shear slanted digits upright: training, held-out and test images, before everything else.

    The stored network deskews its input itself.
    """
    head: tuple[Count, ...] = ()
    """Units of the dense layers between the last stage and the softmax."""
    width: Annotated[Real, Field(gt=0, le=16)] = 1.0
    """Factor of all filters and dense units; the cost grows with its square."""
    activation: Literal["relu", "tanh", "gelu", "silu"] = "relu"
    """Activation of every convolution and dense layer."""
    dropout: Fraction = 0.0
    """Dropout rate at the end of each stage that sets none."""
    head_dropout: Fraction | None = None
    """Dropout rate after each dense layer; null: `dropout`."""
    batch_norm: BatchNorm = "none"
    """Position of batch normalisation in each dense layer, and in each stage that sets none."""
    l2: Annotated[Real, Field(ge=0)] = 0.0
    """Weight of the L2 penalty on kernels in the loss."""
    training: Training = Training()
    """Overrides of the top-level `training`."""
    augmentation: Augmentation = Augmentation()
    """Overrides of the top-level `augmentation`."""

    @property
    def epochs(self) -> int:
        """Epochs of training that a worker reports."""
        return self.training.epochs

    @property
    def precision(self) -> Precision:
        """Requested precision of the arithmetic."""
        return self.training.precision

    @property
    def views(self) -> bool:
        """Whether it also predicts with test-time augmentation."""
        return self.augmentation.tta

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

    def convolutions(self) -> list[Stage]:
        """Return one stage per convolution: `repeat` expanded, `width` applied."""
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


class ClassicalModel(Section):
    """Base of the models that scikit-learn fits in one step.

    Attributes:
        needs_backend: whether Keras trains it.
        epochs: epochs of training that a worker reports.
        precision: requested precision of the arithmetic; None: no choice.
        views: whether it also predicts with test-time augmentation.
        teachers: models that are trained first, and whose predictions it learns.
    """

    needs_backend: ClassVar[Literal[False]] = False
    epochs: ClassVar[int] = 1
    precision: ClassVar[None] = None
    views: ClassVar[bool] = False
    teachers: ClassVar[tuple[str, ...]] = ()

    def explicit(self) -> Self:
        """Return the same model with inherited values written out; a classical model has none."""
        return self


class LogisticRegression(ClassicalModel):
    """Multinomial logistic regression on pixels scaled to 0..1."""

    kind: Literal["logistic_regression"]
    """Logistic regression."""
    c: Annotated[Real, Field(gt=0)] = 0.1
    """Inverse strength of the L2 penalty."""
    iterations: Count = 100
    """Maximum number of solver iterations."""


class KNearest(ClassicalModel):
    """k nearest neighbours, weighted by inverse distance."""

    kind: Literal["knn"]
    """k nearest neighbours."""
    neighbours: Count = 4
    """Number of neighbours."""


class RandomForest(ClassicalModel):
    """Random forest on the pixels."""

    kind: Literal["random_forest"]
    """Random forest."""
    trees: Count = 300
    """Number of trees."""


class Svm(ClassicalModel):
    """Support vector machine (RBF kernel) after PCA; probabilities are calibrated on held-out rows."""

    kind: Literal["svm"]
    """Support vector machine."""
    components: Count = 50
    """Number of principal components of the pixels."""
    c: Annotated[Real, Field(gt=0)] = 10.0
    """Inverse strength of the regularisation."""


Model = Annotated[Cnn | LogisticRegression | KNearest | RandomForest | Svm, Field(discriminator="kind")]
Network = Cnn
"""Models that Keras trains."""
