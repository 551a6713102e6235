"""The images that the page of a run shows."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Images:
    """Images by 0-based row, each (height, width, channels) uint8.

    Attributes:
        train: of train.csv.
        test: of test.csv.
    """

    train: "dict[int, NDArray[np.uint8]]" = field(default_factory=dict)
    test: "dict[int, NDArray[np.uint8]]" = field(default_factory=dict)
