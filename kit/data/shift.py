"""Whether the test images are unlike the training images: blank, scaled, inverted, turned or shifted.

Some test images are compared with their nearest training images: as they are, and put right in each way that
is known. Of MNIST digits, honest ones come to 1.2 times the distance by the mildest of these (half a turn)
and turned ones to 0.8 times.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Distances = NDArray[np.float32]

QUERIES, REFERENCES, PIXELS = 256, 1024, 1 << 20
"""Test images that are compared, with how many training images, and pixels of the latter at most."""
FEWEST, FEWEST_TURNED = 20, 8
"""Training images, or test images, below which nothing is said; the latter of turned or shifted ones."""
LEAST = 25
"""Pixels of an image below which chance makes likenesses."""
NEARER = 0.95
"""Share of its distance at which a test image that is put right counts as nearer."""
INVERTED = 0.5
"""The same for a single inverted image: honest ones come to 2 and more."""
SCALED = 0.75
"""Share of the contrast of nearly all training images below which an image is faint."""
FARTHER = 1.25
"""How many times as far as other training images the test images are that count as unlike."""
DEVIATIONS = 5.0
"""Standard errors that a difference of means must have."""
SHARE = 0.02
"""Of the test images that makes a few odd ones worth a warning."""

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
"""What puts right again the images that look so."""


def differences(train: Images, test: Images) -> list[str]:
    """Return a sentence on what differs, or nothing; both are (rows, height, width, channels)."""
    if len(train) < FEWEST or train[0].size < LEAST:
        return []
    found = next(_values(train, test), None) or next(_places(train, test), None)
    return [found] if found else []


def _values(train: Images, test: Images) -> Iterator[str]:
    """Compare the contrast of each image, its greatest less its least value."""
    known, found = (np.ptp(images.reshape(len(images), -1), axis=1) for images in (train, test))
    blank, faint = found == 0, (found > 0) & (found < np.quantile(known, 0.01) * SCALED)
    strong = found > np.quantile(known, 0.99) / SCALED
    most = max(blank, faint, strong, key=np.sum)
    if most is blank and np.mean(blank) > np.mean(known == 0) + SHARE and _many(blank):
        yield f"{_some(blank)} are blank: all their pixels are alike"
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
    nearest = _Nearest(train[rows[:references]])
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


def _turned(nearest: "_Nearest", sample: Images, as_is: Distances, shift: tuple[int, int]) -> Iterator[str]:
    put_right = {name: turn(sample) for name, turn in _TURNS.items()}
    if any(shift):
        down, right = shift
        put_right[_moved(down, right)] = np.roll(sample, (-down, -right), (1, 2))
    distances = {name: nearest.distances(images) for name, images in put_right.items()}
    name = min(distances, key=lambda name: float(distances[name].mean()))
    gain, share = as_is - distances[name], distances[name].mean() / as_is.mean()
    if share < NEARER and gain.mean() > DEVIATIONS * _error(gain):
        yield f"the test images look {name}: put right, they are {1 - share:.0%} nearer to the training ones"


def _far(as_is: Distances, among_themselves: Distances) -> Iterator[str]:
    error = np.hypot(_error(as_is), _error(among_themselves))
    times = as_is.mean() / max(among_themselves.mean(), 1.0)
    if times > FARTHER and as_is.mean() - among_themselves.mean() > DEVIATIONS * error:
        yield (
            "the test images are unlike the training images: "
            f"{times:.1f} times as far from them as those are from each other"
        )


class _Nearest:
    """The distance to the nearest of some images."""

    def __init__(self, references: Images) -> None:
        self.references = _flat(references)
        self.squares = (self.references**2).sum(axis=1)

    def distances(self, images: Images) -> Distances:
        """Return (rows,), of each of `images` the Euclidean distance to its nearest reference."""
        flat = _flat(images)
        least = (self.squares - 2 * flat @ self.references.T).min(axis=1) + (flat**2).sum(axis=1)
        distances: Distances = np.sqrt(np.maximum(least, 0))
        return distances


def _flat(images: Images) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32)


def _lying(images: Images) -> Images:
    """Return images whose rows were written as columns: of another shape, unless they are square."""
    rows, height, width, channels = images.shape
    return images.reshape(rows, width, height, channels)


def _shift(train: Images, test: Images) -> tuple[int, int]:
    """Return by how many pixels the mean test image is moved down and to the right."""
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
