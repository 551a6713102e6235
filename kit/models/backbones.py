"""What kit knows of the networks of keras.applications without importing Keras."""

from typing import Literal, NamedTuple

_TF = "tf_dim_ordering_tf_kernels"
SIDE = 224
"""Height and width of the images in ImageNet."""


class Backbone(NamedTuple):
    """A network of keras.applications without its softmax.

    Attributes:
        parameters: trainable numbers.
        multiply_adds: of one image of SIDE x SIDE pixels, in convolutions and dense layers.
        features: number of its outputs.
        file: name of the file with its weights of ImageNet, in the folder `models` of Keras's cache.
        pixels: values that it expects: 0 to 255, -1 to 1, or standardised by mean and standard deviation of
            ImageNet's pixels.
    """

    parameters: int
    multiply_adds: int
    features: int
    file: str
    pixels: Literal["0..255", "-1..1", "standardised"]


BACKBONES: dict[str, Backbone] = {
    "DenseNet121": Backbone(
        6_953_856, 2_833_137_664, 1024, f"densenet121_weights_{_TF}_notop.h5", "standardised"
    ),
    "EfficientNetV2B0": Backbone(5_858_704, 716_806_176, 1280, "efficientnetv2-b0_notop.h5", "0..255"),
    "EfficientNetV2B1": Backbone(6_860_052, 1_014_579_232, 1280, "efficientnetv2-b1_notop.h5", "0..255"),
    "EfficientNetV2B2": Backbone(8_687_086, 1_167_422_832, 1408, "efficientnetv2-b2_notop.h5", "0..255"),
    "EfficientNetV2B3": Backbone(12_821_406, 1_608_442_624, 1536, "efficientnetv2-b3_notop.h5", "0..255"),
    "EfficientNetV2S": Backbone(20_177_488, 2_848_615_872, 1280, "efficientnetv2-s_notop.h5", "0..255"),
    "MobileNetV2": Backbone(
        2_223_872, 299_494_272, 1280, f"mobilenet_v2_weights_{_TF}_1.0_224_no_top.h5", "-1..1"
    ),
    "MobileNetV3Large": Backbone(
        2_971_952, 214_080_960, 960, "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5", "0..255"
    ),
    "MobileNetV3Small": Backbone(
        927_008, 54_896_576, 576, "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5", "0..255"
    ),
    "ResNet101V2": Backbone(42_528_896, 7_192_428_544, 2048, f"resnet101v2_weights_{_TF}_notop.h5", "-1..1"),
    "ResNet50V2": Backbone(23_519_360, 3_480_207_360, 2048, f"resnet50v2_weights_{_TF}_notop.h5", "-1..1"),
}
