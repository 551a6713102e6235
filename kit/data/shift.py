"""Whether the test images differ from the training images: blank, scaled, inverted, turned or shifted.

A sample of test images is compared with the nearest training images: as they are, and after undoing the
likeliest known change. For MNIST digits, undoing the mildest change (half a turn) multiplies the distance of
unchanged images by 1.2, and that of turned ones by 0.8.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Distances = NDArray[np.float32]

QUERIES, REFERENCES, PIXELS = 256, 1024, 1 << 20
"""Number of test images compared, number of training images, and maximum pixels of the latter."""
FEW = 64
"""About how many test images choose the likeliest change."""
FEWEST, FEWEST_TURNED = 20, 8
"""Minimum number of training and of test images for any warning; the latter for turned or shifted ones."""
LEAST = 25
"""Minimum pixels of an image; smaller ones are similar by chance."""
NEARER = 0.95
"""A corrected test image counts as nearer below this share of its distance."""
INVERTED = 0.5
"""The same for a single inverted image; correct ones are at 2 or more."""
SCALED = 0.75
"""An image is faint below this share of the contrast of 99 % of the training images."""
FARTHER = 1.25
"""Test images count as different if they are this many times as far away as other training images."""
DEVIATIONS = 5.0
"""Minimum difference of means, in standard errors."""
SHARE = 0.02
"""Minimum share of odd test images for a warning."""

_TURNS: dict[str, Callable[[Images], Images]] = {
    "mirrored left to right": lambda images: images[:, :, ::-1],
    "mirrored top to bottom": lambda images: images[:, ::-1],
    "rotated by 180 degrees": lambda images: images[:, ::-1, ::-1],
    "transposed (rows and columns swapped)": lambda images: _lying(images).transpose(0, 2, 1, 3),
    "rotated by 90 degrees clockwise": lambda images: np.rot90(_lying(images), 1, (1, 2)),
    "rotated by 90 degrees counterclockwise": lambda images: np.rot90(_lying(images), 3, (1, 2)),
    "rotated by 90 degrees and mirrored": lambda images: np.rot90(_lying(images), 2, (1, 2)).transpose(
        0, 2, 1, 3
    ),
}
"""The correction of images that look so."""


def one_blas_thread() -> AbstractContextManager[Any]:
    """Limit BLAS to one thread within the block, for `differences`.

    Matrices are small there: threads would wait for each other, and for other programs, which took 6 times
    the processor time on a busy machine.

    The block must begin before threads do that import modules. threadpoolctl looks for libraries under a lock
    of the dynamic loader and waits for Python's lock there; a thread that imports an extension module holds
    Python's lock and waits for the other one: both would wait forever.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limits


def differences(train: Images, test: Images) -> list[str]:
    """Return a sentence on what differs, or nothing.

    Args:
        train: (rows, height, width, channels).
        test: the same.
    """
    if len(train) < FEWEST or not len(test) or train[0].size < LEAST:
        return []
    found = next(_values(train, test), None) or next(_places(train, test), None)
    return [found] if found else []


def _values(train: Images, test: Images) -> Iterator[str]:
    """Compare the contrast of each image, its greatest less its least value."""
    known, found = (np.ptp(images.reshape(len(images), -1), axis=1) for images in (train, test))
    # `np.quantile` would import numpy.ma, which takes as long as this comparison.
    least, greatest = np.sort(known)[[round(share * (len(known) - 1)) for share in (0.01, 0.99)]]
    blank, faint = found == 0, (found > 0) & (found < least * SCALED)
    strong = found > greatest / SCALED
    most = max(blank, faint, strong, key=np.sum)
    if most is blank and np.mean(blank) > np.mean(known == 0) + SHARE and _many(blank):
        yield f"{_some(blank)} are blank: all pixels are equal"
    elif most is not blank and _many(most):
        yield (
            f"{_some(most)} look scaled: the greatest value is {test[most].max()}, "
            f"against {train.max()} in the training images"
        )


def _places(train: Images, test: Images) -> Iterator[str]:
    """Compare distances to the nearest training images."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(train))
    references = min(REFERENCES, max(FEWEST // 2, PIXELS // train[0].size), len(train) // 2)
    nearest = Nearest(train[rows[:references]])
    others = train[rows[references : references + QUERIES]]
    sample = test[np.sort(rng.permutation(len(test))[:QUERIES])]
    as_is = nearest.distances(sample)

    greatest = train.max()
    inverted = nearest.distances(greatest - np.minimum(sample, greatest)) < INVERTED * as_is
    if inverted.mean() > 0.9:
        means = f"mean {test.mean():.0f} against {train.mean():.0f} of the training images"
        yield f"the test images look inverted: {means}"
    elif _many(inverted):
        yield f"about {inverted.mean():.0%} of the test images look inverted"
    if len(sample) >= FEWEST_TURNED:
        yield from _turned(nearest, sample, as_is, _shift(train[rows[:references]], sample))
    if len(sample) >= FEWEST:
        yield from _far(as_is, nearest.distances(others))


def _turned(nearest: "Nearest", sample: Images, as_is: Distances, shift: tuple[int, int]) -> Iterator[str]:
    corrected = {name: turn(sample) for name, turn in _TURNS.items()}
    if any(shift):
        down, right = shift
        corrected[_moved(down, right)] = np.roll(sample, (-down, -right), (1, 2))
    # A part of the images shows which change is the likeliest; all of them decide about it.
    step = max(1, len(sample) // FEW)
    name = min(corrected, key=lambda name: float(nearest.distances(corrected[name][::step]).mean()))
    distances = nearest.distances(corrected[name])
    gain, share = as_is - distances, distances.mean() / as_is.mean()
    if share < NEARER and gain.mean() > DEVIATIONS * _error(gain):
        nearer = f"{1 - share:.0%} nearer to the training images"
        yield f"the test images look {name}: corrected, they are {nearer}"


def _far(as_is: Distances, among_themselves: Distances) -> Iterator[str]:
    error = np.hypot(_error(as_is), _error(among_themselves))
    times = as_is.mean() / max(among_themselves.mean(), 1.0)
    if times > FARTHER and as_is.mean() - among_themselves.mean() > DEVIATIONS * error:
        yield (
            "the test images differ from the training images: "
            f"{times:.1f} times as far from them as they are from each other"
        )


class Nearest:
    """Distances to the nearest of a set of images."""

    def __init__(self, references: Images) -> None:
        self.references = _flat(references)
        self.squares = _squares(self.references)

    def distances(self, images: Images) -> Distances:
        """Return (rows,): the Euclidean distance of each image to its nearest reference."""
        flat = _flat(images)
        # In place and without squares of all pixels: each would be another copy of the images.
        products = flat @ self.references.T
        products *= -2
        products += self.squares
        least = products.min(axis=1) + _squares(flat)
        distances: Distances = np.sqrt(np.maximum(least, 0))
        return distances


def _squares(flat: Distances) -> Distances:
    """Return (rows,): the sum of the squares of each row."""
    sums: Distances = np.einsum("ij,ij->i", flat, flat)
    return sums


def _flat(images: Images) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32)


def _lying(images: Images) -> Images:
    """Return images whose rows were stored as columns: of another shape unless they are square."""
    rows, height, width, channels = images.shape
    return images.reshape(rows, width, height, channels)


def _shift(train: Images, test: Images) -> tuple[int, int]:
    """Return by how many pixels the mean test image is shifted down and to the right."""
    one, other = (np.fft.fft2(images.mean(axis=(0, 3))) for images in (train, test))
    likeness = np.fft.ifft2(other * one.conj()).real
    place = np.unravel_index(likeness.argmax(), likeness.shape)
    down, right = (
        int((step + side // 2) % side - side // 2) for step, side in zip(place, likeness.shape, strict=True)
    )
    return down, right


def _moved(down: int, right: int) -> str:
    parts = [(down, "down", "up"), (right, "to the right", "to the left")]
    return "shifted " + " and ".join(
        f"{abs(pixels)} pixel{'s' * (abs(pixels) > 1)} {forward if pixels > 0 else back}"
        for pixels, forward, back in parts
        if pixels
    )


def _error(values: Distances) -> float:
    return float(values.std() / np.sqrt(len(values)))


def _many(odd: NDArray[np.bool_]) -> bool:
    return bool(odd.all() or odd.sum() >= max(3, SHARE * len(odd)))


def _some(odd: NDArray[np.bool_]) -> str:
    return "the test images" if odd.all() else f"{odd.sum():,} of {len(odd):,} test images"
