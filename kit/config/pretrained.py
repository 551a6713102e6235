"""Networks of keras.applications with pretrained weights."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from kit.config.base import Fraction, Real, Whole
from kit.config.networks import NetworkModel, TrainingPhase

SMALLEST = 32
"""Height and width in pixels that each of them accepts."""
Backbone = Literal[
    "DenseNet121",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2S",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "ResNet101V2",
    "ResNet50V2",
]


class Pretrained(NetworkModel):
    """A network of keras.applications with weights that were trained on ImageNet, and a new softmax.

    First the softmax alone is trained, while all other layers are frozen; then all layers but batch
    normalisation, at a lower learning rate.
    """

    regularisation: ClassVar[tuple[str, ...]] = ("dropout",)
    kind: Literal["pretrained"]
    """A pretrained network."""
    name: Backbone
    """Its class in keras.applications."""
    weights: Annotated[str, Field(min_length=1)] | None = "imagenet"
    """imagenet: weights of ImageNet, which are downloaded once; otherwise a file with the weights of the
    network without its softmax; null: random weights, all trained from the start."""
    frozen_epochs: Annotated[Whole, Field(ge=0)] = 3
    """Epochs of the softmax alone, before `training.epochs` epochs of all layers."""
    unfrozen_factor: Annotated[Real, Field(gt=0, le=1)] = 0.1
    """Factor of the learning rate after the frozen epochs."""
    dropout: Fraction = 0.2
    """Dropout rate before the softmax."""

    @property
    def phases(self) -> tuple[TrainingPhase, ...]:
        """Parts of the training, in order."""
        if self.weights is None:
            return super().phases
        unfrozen = TrainingPhase(self.training.epochs, self.unfrozen_factor)
        return (
            (TrainingPhase(self.frozen_epochs, frozen=True), unfrozen) if self.frozen_epochs else (unfrozen,)
        )

    def check_images(self, name: str, shape: tuple[int, int, int]) -> None:
        """See `NetworkModel`."""
        height, width, channels = shape
        if min(height, width) < SMALLEST:
            raise ValueError(
                f"models.{name}: a pretrained network needs images of {SMALLEST} pixels or more, received "
                f"{height} x {width}; image.size sets the size of image files"
            )
        if channels not in {1, 3}:
            raise ValueError(
                f"models.{name}: {self.name} needs images of 1 or 3 channels, received {channels}"
            )
