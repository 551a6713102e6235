from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Augmentation
from kit.models.augmentation import VIEWS, RandomWarp, deskew, view

ALL = Augmentation(rotation=12, shift=0.1, zoom=0.15, shear=8)
SIDE = 28
# Of a uniform distribution from -1 to 1.
UNIT_SD = 1 / np.sqrt(3)


def layer(ranges: Augmentation = ALL, seed: int = 0) -> RandomWarp:
    made = RandomWarp(ranges, seed)
    made.build((None, SIDE, SIDE, 1))
    return made


def draws(ranges: Augmentation = ALL, batch: int = 20_000, seed: int = 0) -> dict[str, NDArray[Any]]:
    return {
        name: keras.ops.convert_to_numpy(values) for name, values in layer(ranges, seed).draw(batch).items()
    }


def warped(images: NDArray[Any], **parameters: float) -> NDArray[np.float32]:
    """Return the images after the one change that is given."""
    still = {"rotation": 0.0, "shear": 0.0, "zoom": 1.0, "down": 0.0, "right": 0.0}
    drawn = {
        name: keras.ops.full((len(images),), value, "float32") for name, value in (still | parameters).items()
    }
    one = layer()
    result = one.sample(keras.ops.convert_to_tensor(images), *one.source(drawn))
    return np.asarray(keras.ops.convert_to_numpy(result))


def trained(images: NDArray[Any], ranges: Augmentation = ALL, seed: int = 0) -> NDArray[np.float32]:
    return np.asarray(keras.ops.convert_to_numpy(layer(ranges, seed)(images, training=True)))


def noise(count: int = 4) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, SIDE, SIDE, 1), np.float32) * 255


def blob(count: int = 1, down: float = 0.0, right: float = 0.0, width: float = 2.0) -> NDArray[np.float32]:
    """Return images of a smooth spot, so many pixels off the centre."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    spot = 255 * np.exp(-((rows - down) ** 2 + (columns - right) ** 2) / (2 * width**2))
    return np.repeat(spot[None, ..., None], count, axis=0).astype(np.float32)


def centre(image: NDArray[np.float32]) -> tuple[float, float]:
    """Return where the mass of (height, width, 1) lies, from the image's centre."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    mass = image[..., 0] / image.sum()
    return float((rows * mass).sum()), float((columns * mass).sum())


@pytest.mark.parametrize(
    ("name", "middle", "reach"),
    [
        ("rotation", 0.0, np.deg2rad(12)),
        ("shear", 0.0, np.deg2rad(8)),
        ("zoom", 1.0, 0.15),
        ("down", 0.0, 0.1 * SIDE),
        ("right", 0.0, 0.1 * SIDE),
    ],
)
def test_a_parameter_is_uniform_over_its_range(name: str, middle: float, reach: float) -> None:
    values = (draws()[name] - middle) / reach
    assert values.shape == (20_000,)
    assert np.abs(values).max() <= 1 + 1e-5
    assert values.min() < -0.99
    assert values.max() > 0.99
    # Four standard errors.
    assert abs(values.mean()) < 4 * UNIT_SD / np.sqrt(20_000)
    assert values.std() == pytest.approx(UNIT_SD, rel=0.02)


def test_parameters_are_drawn_independently_of_each_other() -> None:
    correlations = np.corrcoef(np.stack(list(draws().values())))
    assert np.abs(correlations - np.eye(5)).max() < 4 / np.sqrt(20_000)


def test_images_of_a_batch_are_drawn_independently_of_each_other() -> None:
    rotation = draws()["rotation"]
    assert abs(np.corrcoef(rotation[:-1], rotation[1:])[0, 1]) < 4 / np.sqrt(20_000)
    # No two of a batch alike, though all images are.
    images = trained(blob(32))
    assert len({image.tobytes() for image in images}) == 32


def test_every_call_draws_anew() -> None:
    one = layer()
    first, second = (keras.ops.convert_to_numpy(one(blob(), training=True)) for _ in range(2))
    assert not np.array_equal(first, second)


def test_the_seed_decides() -> None:
    np.testing.assert_array_equal(trained(noise(), seed=5), trained(noise(), seed=5))
    assert not np.array_equal(trained(noise(), seed=5), trained(noise(), seed=6))


def test_evaluation_leaves_images_alone() -> None:
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer()(noise(), training=False)), noise())


def test_without_strength_images_are_left_alone() -> None:
    np.testing.assert_array_equal(trained(noise(), Augmentation()), noise())


def test_a_change_by_nothing_is_the_identity() -> None:
    np.testing.assert_array_equal(warped(noise()), noise())


@pytest.mark.parametrize(("down", "right"), [(3, 0), (0, -2), (-1, 4)])
def test_a_shift_by_whole_pixels_moves_pixels_exactly(down: int, right: int) -> None:
    padded = np.pad(noise(), ((0, 0), (5, 5), (5, 5), (0, 0)))
    expected = padded[:, 5 - down : 5 - down + SIDE, 5 - right : 5 - right + SIDE]
    np.testing.assert_array_equal(warped(noise(), down=down, right=right), expected)


def test_a_shift_by_half_a_pixel_is_the_mean_of_neighbours() -> None:
    images = noise()
    expected = (images[:, :, :-1] + images[:, :, 1:]) / 2
    np.testing.assert_allclose(warped(images, right=0.5)[:, :, 1:], expected, rtol=1e-5)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_those_of_numpy(quarters: int) -> None:
    turned = warped(noise(), rotation=np.deg2rad(90 * quarters))
    clockwise = np.rot90(noise(), -quarters, axes=(1, 2))
    np.testing.assert_allclose(turned, clockwise, atol=0.02)


def test_zoom_enlarges_about_the_centre() -> None:
    np.testing.assert_allclose(warped(blob(width=4.0), zoom=2.0), blob(width=8.0), atol=4)
    assert centre(warped(blob(down=3, right=-2), zoom=1.5)[0]) == pytest.approx((4.5, -3.0), abs=0.01)


def test_shear_moves_rows_by_their_distance_from_the_centre() -> None:
    angle = np.deg2rad(20)
    for down in (-5, 0, 5):
        moved = centre(warped(blob(down=down), shear=angle)[0])
        assert moved == pytest.approx((down, down * np.tan(angle)), abs=0.02)


def test_changes_are_composed_in_one_order() -> None:
    parameters = {"rotation": 0.3, "shear": 0.2, "zoom": 1.2, "down": 2.0, "right": -1.5}
    cos, sin = np.cos(0.3), np.sin(0.3)
    # Of (down, right).
    turn, lean = np.array([[cos, sin], [-sin, cos]]), np.array([[1, 0], [np.tan(0.2), 1]])
    down, right = 1.2 * turn @ lean @ np.array([-2, 3]) + np.array([2.0, -1.5])
    assert centre(warped(blob(down=-2, right=3), **parameters)[0]) == pytest.approx((down, right), abs=0.02)


def test_turns_and_shifts_keep_the_mass() -> None:
    images = trained(blob(64), Augmentation(rotation=45, shift=0.1))
    np.testing.assert_allclose(images.sum(axis=(1, 2, 3)), blob().sum(), rtol=0.002)


def test_outside_is_black() -> None:
    white = np.full((1, SIDE, SIDE, 1), 255, np.float32)
    assert warped(white, right=100.0).max() == 0
    assert warped(white, zoom=0.5).sum() == pytest.approx(white.sum() / 4, rel=0.01)


def test_nothing_is_brighter_than_before() -> None:
    images = trained(noise(64))
    assert images.min() >= 0
    assert images.max() <= 255 + 1e-3


PIXELS, SCALE = 1.5, 4.0
ELASTIC = Augmentation(elastic=PIXELS, elastic_scale=SCALE)
MIDDLE, EDGE, CORNER = (14, 14), (0, 14), (27, 27)


def bends(count: int = 4000, ranges: Augmentation = ELASTIC, seed: int = 0) -> NDArray[np.float32]:
    """Return how far each pixel moves down and across, (2, count, height, width)."""
    return np.asarray(draws(ranges, count, seed)["bend"]).reshape(2, count, SIDE, SIDE)


@pytest.mark.parametrize("place", [MIDDLE, EDGE, CORNER], ids=["middle", "edge", "corner"])
def test_a_pixel_moves_by_the_strength_wherever_it_is(place: tuple[int, int]) -> None:
    moves = bends()[:, :, *place]
    # Four standard errors.
    assert np.abs(moves.mean(axis=1)).max() < 4 * PIXELS / np.sqrt(4000)
    assert moves.std(axis=1) == pytest.approx([PIXELS] * 2, rel=4 / np.sqrt(2 * 4000))


def test_a_pixel_moves_down_and_across_independently() -> None:
    down, across = bends()
    for row, column in (MIDDLE, EDGE, CORNER):
        correlation = np.corrcoef(down[:, row, column], across[:, row, column])[0, 1]
        assert abs(correlation) < 4 / np.sqrt(4000)


@pytest.mark.parametrize("scale", [2.0, SCALE, 8.0])
@pytest.mark.parametrize("step", [(0, 1), (3, 0), (4, 4), (0, 8), (12, 0)])
def test_neighbours_move_alike_by_their_distance(step: tuple[int, int], scale: float) -> None:
    moves = bends(ranges=ELASTIC.model_copy(update={"elastic_scale": scale}))
    expected = np.exp(-(step[0] ** 2 + step[1] ** 2) / (4 * scale**2))
    for one in moves:
        correlation = np.corrcoef(one[:, 8, 9], one[:, 8 + step[0], 9 + step[1]])[0, 1]
        assert correlation == pytest.approx(expected, abs=4 / np.sqrt(4000))


def test_each_image_of_a_batch_is_bent_for_itself() -> None:
    one = bends()[0][:, *MIDDLE]
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 4 / np.sqrt(4000)
    assert len({image.tobytes() for image in trained(blob(32), ELASTIC)}) == 32


def test_the_seed_decides_how_images_are_bent() -> None:
    np.testing.assert_array_equal(trained(noise(), ELASTIC, seed=5), trained(noise(), ELASTIC, seed=5))
    assert not np.array_equal(trained(noise(), ELASTIC, seed=5), trained(noise(), ELASTIC, seed=6))


def test_a_scale_without_strength_leaves_images_alone() -> None:
    np.testing.assert_array_equal(trained(noise(), Augmentation(elastic_scale=8.0)), noise())


def test_bending_a_little_moves_images_by_what_was_drawn() -> None:
    # So smooth that a small spot moves as a whole; it moves against where its pixels look.
    ranges = Augmentation(elastic=1.0, elastic_scale=50.0)
    image, moves = trained(blob(), ranges)[0], bends(1, ranges)[:, 0]
    assert centre(image) == pytest.approx((-moves[0, *MIDDLE], -moves[1, *MIDDLE]), abs=0.1)


def test_bending_and_turning_are_one_grid_that_is_sampled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one, sampled = layer(ALL.model_copy(update={"elastic": PIXELS})), []
    drawn = one.draw(4)
    both = one.source(drawn)
    bend = drawn.pop("bend")
    for direction, alone in enumerate(one.source(drawn)):
        np.testing.assert_allclose(both[direction], alone + bend[direction], atol=1e-5)
    sample = one.sample

    def counted(*given: Any) -> Any:
        sampled.append(given)
        return sample(*given)

    monkeypatch.setattr(one, "sample", counted)
    one(noise(), training=True)
    assert len(sampled) == 1


def test_a_bent_image_keeps_its_values_in_range() -> None:
    images = trained(noise(64), Augmentation(elastic=10.0, elastic_scale=1.0))
    assert images.min() >= 0
    assert images.max() <= 255 + 1e-3


def test_test_time_augmentation_alone_changes_no_training_image() -> None:
    np.testing.assert_array_equal(trained(noise(), Augmentation(tta=True)), noise())


def test_views_are_shifts_by_a_pixel_and_turns() -> None:
    images = noise().astype(np.uint8)
    views = [view(images, change) for change in VIEWS]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for one, (down, right) in zip(views[:4], [(1, 0), (-1, 0), (0, 1), (0, -1)], strict=True):
        expected = padded[:, 1 - down : 1 - down + SIDE, 1 - right : 1 - right + SIDE]
        np.testing.assert_array_equal(one, expected, strict=True)
    for one, degrees in zip(views[4:], (8, -8), strict=True):
        turned = warped(images.astype(np.float32), rotation=np.deg2rad(degrees))
        np.testing.assert_allclose(one, turned, atol=0.501)
        assert not np.array_equal(one, images)


def bars(*slopes: float) -> NDArray[np.uint8]:
    """Return images of a bar through the centre, each so many pixels to the right a pixel down."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    images = [np.clip(3 - np.abs(columns - slope * rows), 0, 1) * (np.abs(rows) < 10) for slope in slopes]
    return np.asarray(np.rint(255 * np.stack(images)[..., None]), np.uint8)


def test_slanted_images_are_made_upright_each_for_itself() -> None:
    upright = deskew(bars(-0.5, 0.3, 0))[..., 0]
    assert upright.dtype == np.uint8
    # Each row of ink has its middle in the image's middle, to a tenth of a pixel.
    middles = (upright * np.arange(SIDE)).sum(axis=2) / np.maximum(upright.sum(axis=2), 1)
    np.testing.assert_allclose(middles[:, 4:24], (SIDE - 1) / 2, atol=0.1)
    slanted = bars(-0.5)[..., 0]
    assert np.ptp(slanted @ np.arange(SIDE) / np.maximum(slanted.sum(axis=2), 1)) > 9


def test_upright_and_empty_images_stay_as_they_are() -> None:
    images = np.concatenate([bars(0), np.zeros((1, SIDE, SIDE, 1), np.uint8)])
    np.testing.assert_array_equal(deskew(images), images)


def test_deskewing_in_parts_is_deskewing_one_by_one() -> None:
    images = noise(1003).astype(np.uint8)
    np.testing.assert_array_equal(deskew(images)[[0, 999, 1000, 1002]], deskew(images[[0, 999, 1000, 1002]]))


def colours(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return three channels, each with other values at the same places."""
    return np.asarray(images * np.array([1, 0.5, 0.25]), np.uint8)


def test_every_channel_of_an_image_moves_as_one() -> None:
    images = colours(bars(-0.5, 0.3))
    for change in VIEWS:
        alone = [view(images[..., channel : channel + 1], change) for channel in range(3)]
        np.testing.assert_array_equal(view(images, change), np.concatenate(alone, axis=-1), strict=True)


def test_training_warps_every_channel_by_the_same_grid() -> None:
    image = noise()
    changed = trained(np.concatenate([image, image, image], axis=-1))
    for channel in range(3):
        np.testing.assert_array_equal(changed[..., channel : channel + 1], trained(image))


def test_a_coloured_image_is_deskewed_by_the_sum_of_its_channels() -> None:
    images = bars(-0.5, 0.3)
    coloured = np.concatenate([images, images, images], axis=-1)
    np.testing.assert_array_equal(deskew(coloured)[..., :1], deskew(images))


def test_bytes_come_out_as_float32_on_their_scale() -> None:
    images = noise().astype(np.uint8)
    result = layer()(images, training=False)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result), images)


@pytest.fixture
def _bfloat16() -> Iterator[None]:
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def test_a_bfloat16_policy_changes_nothing(request: pytest.FixtureRequest) -> None:
    before = trained(noise())
    request.getfixturevalue("_bfloat16")
    np.testing.assert_array_equal(trained(noise()), before)
