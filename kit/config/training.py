"""Training and augmentation of networks."""

from typing import Annotated, Literal

from pydantic import Field

from kit.config.base import Count, Flag, Fraction, Real, Section

Precision = Literal["auto", "float32", "bfloat16"]


class Augmentation(Section):
    """Random transformations of training images; numeric parameters are uniform from -range to +range."""

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
    flip: Literal["none", "horizontal", "both"] = "none"
    """Mirror half of the images left to right, with both also top to bottom; not for digits and letters."""
    crop: Annotated[Real, Field(ge=0, le=1)] = 0.0
    """Random crop after padding: shift by whole pixels, as a fraction of height and width."""
    fill: Literal["black", "edge", "reflect"] = "black"
    """What moves into the image from outside: black, the nearest pixel, or the mirrored image."""
    brightness: Fraction = 0.0
    """Factor of all pixels, uniform from 1 - brightness to 1 + brightness."""
    contrast: Fraction = 0.0
    """Factor of the difference from the image's mean, uniform from 1 - contrast to 1 + contrast."""
    saturation: Fraction = 0.0
    """Factor of the difference between colour and grey, uniform from 1 - saturation to 1 + saturation."""
    cutout: Annotated[Real, Field(ge=0, le=1)] = 0.0
    """Side of a square that becomes grey, as a fraction of height and width; the centre is any pixel."""
    tta: Flag = False
    """Test-time augmentation: also predict the mean over some views (see `ensemble.tta`).

    Without flip 7: the image, 4 shifts by one pixel, and 2 rotations by 8 degrees; with flip 2: the image
    and its mirror image.
    """

    @property
    def moves(self) -> bool:
        """Whether pixels change their place in training."""
        affine = self.rotation, self.shift, self.zoom, self.shear
        return any((*affine, self.elastic, self.crop, self.flip != "none"))

    @property
    def view_count(self) -> int:
        """Number of views that predictions are the mean over: 1 without test-time augmentation."""
        return (7 if self.flip == "none" else 2) if self.tta else 1


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
