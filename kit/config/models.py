"""What can be trained: networks as data, how they are trained, and the classical baselines."""

from typing import Annotated, Literal

from pydantic import Field

from kit.config.base import Count, Flag, Fraction, Name, Real, Section

BatchNorm = Literal["none", "before_activation", "after_activation"]


class Augmentation(Section):
    """Random changes of each training image; affine ranges are drawn uniformly from -range to +range."""

    rotation: Annotated[Real, Field(ge=0, le=180)] = 0.0
    """Degrees."""
    shift: Annotated[Real, Field(ge=0, le=1)] = 0.0
    """Fraction of the image's height and width, each drawn for itself."""
    zoom: Fraction = 0.0
    """Scale, 1 - zoom to 1 + zoom."""
    shear: Annotated[Real, Field(ge=0, lt=90)] = 0.0
    """Degrees."""
    elastic: Annotated[Real, Field(ge=0, le=10)] = 0.0
    """Elastic distortion: standard deviation in pixels of each pixel's move down, and of that across."""
    elastic_scale: Annotated[Real, Field(ge=1, le=50)] = 4.0
    """Pixels over which neighbours move alike: standard deviation of the Gaussian that smooths the moves."""
    tta: Flag = False
    """Test-time augmentation: also predict the mean over 7 views (see `ensemble.tta`).

    The views are fixed: the image, shifted by one pixel in 4 directions, rotated by 8 degrees either way.
    """


class Training(Section):
    """How one network is trained. The last epoch counts: held-out rows stop nothing and choose nothing."""

    epochs: Count = 20
    """Passes over the training rows."""
    batch_size: Count = 128
    """Images a step."""
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = "adam"
    """The optimiser; muon makes the momentum of convolutions orthogonal, and leaves the rest to Adam."""
    learning_rate: Annotated[Real, Field(gt=0)] = 1e-3
    """Peak of the schedule."""
    relative_step: Annotated[Real | None, Field(gt=0, lt=1)] = None
    """muon: length of a kernel's step at the peak learning rate, relative to its norm; null: 0.012."""
    schedule: Literal["one_cycle", "cosine", "exponential", "constant"] = "one_cycle"
    """How the learning rate changes over the steps."""
    warmup: Fraction = 0.2
    """Fraction of all steps in which one_cycle and cosine rise to the peak."""
    decay: Annotated[Real, Field(gt=0, le=1)] = 0.95
    """Factor an epoch of the exponential schedule."""
    weight_decay: Annotated[Real, Field(ge=0)] = 0.0
    """Decoupled decay, of adamw and sgd."""
    momentum: Fraction = 0.9
    """Of sgd (Nesterov)."""
    ema: Fraction = 0.0
    """Momentum a step of the moving average of the weights that predicts; 0 is none."""
    label_smoothing: Fraction = 0.0
    """Share of the target spread evenly over all classes; spoils the log loss, by which `kit tune` judges."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the layers' arithmetic; weights stay float32. auto: what this machine is fast at."""


class Stage(Section):
    """Convolution, activation, and what stands between and after them."""

    filters: Count
    """Channels it gives."""
    kernel: Count = 3
    """Height and width of the convolution."""
    stride: Count = 1
    """Step of the convolution, down and across."""
    repeat: Count = 1
    """Such convolutions in a row: the stride is the first's, pooling and dropout follow the last."""
    padding: Literal["same", "valid"] = "same"
    """same: zeros around the image; valid: none, so that the image shrinks by kernel - 1."""
    pool: Literal["none", "max", "average"] = "none"
    """2 x 2 pooling after the activation."""
    dropout: Fraction | None = None
    """Of what it gives; null: the model's."""
    batch_norm: BatchNorm | None = None
    """Where batch normalisation stands; null: the model's."""


class Cnn(Section):
    """A convolutional network as data: stages, then dense layers, then the softmax."""

    kind: Literal["cnn"] = "cnn"
    """A convolutional network; the kind of a model that does not say."""
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    """The convolutions, in order."""
    teachers: tuple[Name, ...] = ()
    """Models that are trained first, and whose mean prediction of test and held-out images it learns too.

    Those are pseudo-labels: what the fold's own members of these models say, who saw no label of either.
    """
    deskew: Flag = False
    """See slanted digits upright: training, held-out and test images alike are sheared before all else.

    The network that is stored expects them so (`kit.models.augmentation.deskew`).
    """
    head: tuple[Count, ...] = ()
    """Widths of the dense layers between the last stage and the softmax."""
    width: Annotated[Real, Field(gt=0, le=16)] = 1.0
    """Factor of all filters and dense widths: the cost grows with its square."""
    activation: Literal["relu", "tanh", "gelu", "silu"] = "relu"
    """After every convolution and dense layer."""
    dropout: Fraction = 0.0
    """After each stage that does not say otherwise."""
    head_dropout: Fraction | None = None
    """After each dense layer; null: `dropout`."""
    batch_norm: BatchNorm = "none"
    """In each dense layer, and in each stage that does not say otherwise."""
    l2: Annotated[Real, Field(ge=0)] = 0.0
    """Factor of the squared kernels in the loss."""
    training: Training = Training()
    """Changes to the top-level training."""
    augmentation: Augmentation = Augmentation()
    """Changes to the top-level augmentation."""

    def convolutions(self) -> list[Stage]:
        """Return one stage a convolution: `repeat` written out, `width` multiplied in."""
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
        """Return the widths of the dense layers, `width` multiplied in."""
        return [self._widened(units) for units in self.head]

    def _widened(self, units: int) -> int:
        return max(1, round(units * self.width))


class LogisticRegression(Section):
    """Multinomial logistic regression on pixels scaled to 0..1."""

    kind: Literal["logistic_regression"]
    """Logistic regression."""
    c: Annotated[Real, Field(gt=0)] = 0.1
    """Inverse strength of the L2 penalty."""
    iterations: Count = 100
    """Steps of the solver, at most."""


class KNearest(Section):
    """k nearest neighbours, weighted by inverse distance."""

    kind: Literal["knn"]
    """k nearest neighbours."""
    neighbours: Count = 4
    """How many vote."""


class RandomForest(Section):
    """Random forest on the pixels."""

    kind: Literal["random_forest"]
    """Random forest."""
    trees: Count = 300
    """How many vote."""


class Svm(Section):
    """Support vector machine (RBF kernel) after PCA, probabilities calibrated on rows it did not see."""

    kind: Literal["svm"]
    """Support vector machine."""
    components: Count = 50
    """Principal components kept of the pixels."""
    c: Annotated[Real, Field(gt=0)] = 10.0
    """Inverse strength of the regularisation."""


Model = Annotated[Cnn | LogisticRegression | KNearest | RandomForest | Svm, Field(discriminator="kind")]
