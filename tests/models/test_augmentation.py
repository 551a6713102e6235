from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Augmentation
from kit.models.augmentation import MIRROR, VIEWS, RandomWarp, Transform, deskew, view, views_of

ALL = Augmentation(rotation=12, shift=0.1, zoom=0.15, shear=8)
SIDE = 28
# Of a uniform distribution from -1 to 1.
UNIT_SD = 1 / np.sqrt(3)


def layer(ranges: Augmentation = ALL, seed: int = 0) -> RandomWarp:
    made = RandomWarp(ranges, seed)
    made.build((None, SIDE, SIDE, 1))
    return made


def draws(ranges: Augmentation = ALL, batch: int = 20_000, seed: int = 0) -> dict[str, NDArray[Any]]:
    drawn = layer(ranges, seed).draw(batch)._asdict()
    if not ranges.elastic:
        del drawn["bend"]
    return {name: keras.ops.convert_to_numpy(values) for name, values in drawn.items()}


def warped(images: NDArray[Any], **parameters: float) -> NDArray[np.float32]:
    """Return images after one transformation."""
    still = {"rotation": 0.0, "shear": 0.0, "zoom": 1.0, "down": 0.0, "right": 0.0}
    drawn = {
        name: keras.ops.full((len(images),), value, "float32") for name, value in (still | parameters).items()
    }
    one = layer()
    result = one.sample(keras.ops.convert_to_tensor(images), *one.source(Transform(**drawn)))
    return np.asarray(keras.ops.convert_to_numpy(result))


def trained(images: NDArray[Any], ranges: Augmentation = ALL, seed: int = 0) -> NDArray[np.float32]:
    return np.asarray(keras.ops.convert_to_numpy(layer(ranges, seed)(images, training=True)))


def noise(count: int = 4) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, SIDE, SIDE, 1), np.float32) * 255


def blob(count: int = 1, down: float = 0.0, right: float = 0.0, width: float = 2.0) -> NDArray[np.float32]:
    """Return images of a smooth spot, `down` and `right` pixels from the centre."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    spot = 255 * np.exp(-((rows - down) ** 2 + (columns - right) ** 2) / (2 * width**2))
    return np.repeat(spot[None, ..., None], count, axis=0).astype(np.float32)


def centre(image: NDArray[np.float32]) -> tuple[float, float]:
    """Return the centre of mass of (height, width, 1), relative to the centre of the image."""
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


def test_parameters_are_independent() -> None:
    correlations = np.corrcoef(np.stack(list(draws().values())))
    assert np.abs(correlations - np.eye(5)).max() < 4 / np.sqrt(20_000)


def test_images_of_a_batch_are_independent() -> None:
    rotation = draws()["rotation"]
    assert abs(np.corrcoef(rotation[:-1], rotation[1:])[0, 1]) < 4 / np.sqrt(20_000)
    # All images are equal before, and all different after.
    images = trained(blob(32))
    assert len({image.tobytes() for image in images}) == 32


def test_each_call_draws_new_values() -> None:
    one = layer()
    first, second = (keras.ops.convert_to_numpy(one(blob(), training=True)) for _ in range(2))
    assert not np.array_equal(first, second)


def test_the_seed_determines_the_draws() -> None:
    np.testing.assert_array_equal(trained(noise(), seed=5), trained(noise(), seed=5))
    assert not np.array_equal(trained(noise(), seed=5), trained(noise(), seed=6))


def test_evaluation_does_not_change_images() -> None:
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer()(noise(), training=False)), noise())


def test_zero_ranges_do_not_change_images() -> None:
    np.testing.assert_array_equal(trained(noise(), Augmentation()), noise())


def test_neutral_parameters_are_the_identity() -> None:
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
def test_rotations_by_90_degrees_are_those_of_numpy(quarters: int) -> None:
    rotated = warped(noise(), rotation=np.deg2rad(90 * quarters))
    clockwise = np.rot90(noise(), -quarters, axes=(1, 2))
    np.testing.assert_allclose(rotated, clockwise, atol=0.02)


def test_zoom_enlarges_about_the_centre() -> None:
    np.testing.assert_allclose(warped(blob(width=4.0), zoom=2.0), blob(width=8.0), atol=4)
    assert centre(warped(blob(down=3, right=-2), zoom=1.5)[0]) == pytest.approx((4.5, -3.0), abs=0.01)


def test_shear_moves_rows_by_their_distance_from_the_centre() -> None:
    angle = np.deg2rad(20)
    for down in (-5, 0, 5):
        moved = centre(warped(blob(down=down), shear=angle)[0])
        assert moved == pytest.approx((down, down * np.tan(angle)), abs=0.02)


def test_transformations_are_composed_in_a_fixed_order() -> None:
    parameters = {"rotation": 0.3, "shear": 0.2, "zoom": 1.2, "down": 2.0, "right": -1.5}
    cos, sin = np.cos(0.3), np.sin(0.3)
    # Of (down, right).
    rotate, shear = np.array([[cos, sin], [-sin, cos]]), np.array([[1, 0], [np.tan(0.2), 1]])
    down, right = 1.2 * rotate @ shear @ np.array([-2, 3]) + np.array([2.0, -1.5])
    assert centre(warped(blob(down=-2, right=3), **parameters)[0]) == pytest.approx((down, right), abs=0.02)


def test_rotation_and_shift_keep_the_mass() -> None:
    images = trained(blob(64), Augmentation(rotation=45, shift=0.1))
    np.testing.assert_allclose(images.sum(axis=(1, 2, 3)), blob().sum(), rtol=0.002)


def test_outside_is_black() -> None:
    white = np.full((1, SIDE, SIDE, 1), 255, np.float32)
    assert warped(white, right=100.0).max() == 0
    assert warped(white, zoom=0.5).sum() == pytest.approx(white.sum() / 4, rel=0.01)


def test_values_stay_in_range() -> None:
    images = trained(noise(64))
    assert images.min() >= 0
    assert images.max() <= 255 + 1e-3


PIXELS, SCALE = 1.5, 4.0
ELASTIC = Augmentation(elastic=PIXELS, elastic_scale=SCALE)
MIDDLE, EDGE, CORNER = (14, 14), (0, 14), (27, 27)


def bends(count: int = 4000, ranges: Augmentation = ELASTIC, seed: int = 0) -> NDArray[np.float32]:
    """Return the displacement of each pixel, down and right, (2, count, height, width)."""
    return np.asarray(draws(ranges, count, seed)["bend"]).reshape(2, count, SIDE, SIDE)


@pytest.mark.parametrize("place", [MIDDLE, EDGE, CORNER], ids=["middle", "edge", "corner"])
def test_displacement_has_the_same_deviation_everywhere(place: tuple[int, int]) -> None:
    moves = bends()[:, :, *place]
    # Four standard errors.
    assert np.abs(moves.mean(axis=1)).max() < 4 * PIXELS / np.sqrt(4000)
    assert moves.std(axis=1) == pytest.approx([PIXELS] * 2, rel=4 / np.sqrt(2 * 4000))


def test_vertical_and_horizontal_displacements_are_independent() -> None:
    down, across = bends()
    for row, column in (MIDDLE, EDGE, CORNER):
        correlation = np.corrcoef(down[:, row, column], across[:, row, column])[0, 1]
        assert abs(correlation) < 4 / np.sqrt(4000)


@pytest.mark.parametrize("scale", [2.0, SCALE, 8.0])
@pytest.mark.parametrize("step", [(0, 1), (3, 0), (4, 4), (0, 8), (12, 0)])
def test_displacements_of_neighbours_are_correlated_by_distance(step: tuple[int, int], scale: float) -> None:
    moves = bends(ranges=ELASTIC.model_copy(update={"elastic_scale": scale}))
    expected = np.exp(-(step[0] ** 2 + step[1] ** 2) / (4 * scale**2))
    for one in moves:
        correlation = np.corrcoef(one[:, 8, 9], one[:, 8 + step[0], 9 + step[1]])[0, 1]
        assert correlation == pytest.approx(expected, abs=4 / np.sqrt(4000))


def test_each_image_of_a_batch_is_distorted_independently() -> None:
    one = bends()[0][:, *MIDDLE]
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 4 / np.sqrt(4000)
    assert len({image.tobytes() for image in trained(blob(32), ELASTIC)}) == 32


def test_the_seed_determines_the_distortion() -> None:
    np.testing.assert_array_equal(trained(noise(), ELASTIC, seed=5), trained(noise(), ELASTIC, seed=5))
    assert not np.array_equal(trained(noise(), ELASTIC, seed=5), trained(noise(), ELASTIC, seed=6))


def test_a_scale_without_strength_does_not_change_images() -> None:
    np.testing.assert_array_equal(trained(noise(), Augmentation(elastic_scale=8.0)), noise())


def test_a_smooth_distortion_moves_a_spot_by_the_drawn_displacement() -> None:
    # So smooth that a small spot moves as a whole, opposite to the displacement of the source.
    ranges = Augmentation(elastic=1.0, elastic_scale=50.0)
    image, moves = trained(blob(), ranges)[0], bends(1, ranges)[:, 0]
    assert centre(image) == pytest.approx((-moves[0, *MIDDLE], -moves[1, *MIDDLE]), abs=0.1)


def test_affine_and_elastic_share_one_grid_that_is_sampled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one, sampled = layer(ALL.model_copy(update={"elastic": PIXELS})), []
    drawn = one.draw(4)
    both = one.source(drawn)
    bend = drawn.bend
    for direction, alone in enumerate(one.source(drawn._replace(bend=(0.0, 0.0)))):
        np.testing.assert_allclose(both[direction], alone + bend[direction], atol=1e-5)
    sample = one.sample

    def counted(*given: Any) -> Any:
        sampled.append(given)
        return sample(*given)

    monkeypatch.setattr(one, "sample", counted)
    one(noise(), training=True)
    assert len(sampled) == 1


def test_values_of_distorted_images_stay_in_range() -> None:
    images = trained(noise(64), Augmentation(elastic=10.0, elastic_scale=1.0))
    assert images.min() >= 0
    assert images.max() <= 255 + 1e-3


def test_test_time_augmentation_does_not_change_training_images() -> None:
    np.testing.assert_array_equal(trained(noise(), Augmentation(tta=True)), noise())


def test_views_are_shifts_by_a_pixel_and_rotations() -> None:
    images = noise().astype(np.uint8)
    views = [view(images, change) for change in VIEWS]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for one, (down, right) in zip(views[:4], [(1, 0), (-1, 0), (0, 1), (0, -1)], strict=True):
        expected = padded[:, 1 - down : 1 - down + SIDE, 1 - right : 1 - right + SIDE]
        np.testing.assert_array_equal(one, expected, strict=True)
    for one, degrees in zip(views[4:], (8, -8), strict=True):
        rotated = warped(images.astype(np.float32), rotation=np.deg2rad(degrees))
        np.testing.assert_allclose(one, rotated, atol=0.501)
        assert not np.array_equal(one, images)


def test_flips_mirror_half_of_the_images_exactly() -> None:
    images = noise(400)
    result = trained(images, Augmentation(flip="horizontal"))
    mirrored = (result == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (mirrored | (result == images).all(axis=(1, 2, 3))).all()
    # Four standard errors.
    assert abs(mirrored.mean() - 0.5) < 4 * 0.5 / np.sqrt(400)


def test_flips_in_both_directions_give_four_images_equally_often() -> None:
    images = noise(400)
    result = trained(images, Augmentation(flip="both"))
    cases = [images, images[:, ::-1], images[:, :, ::-1], images[:, ::-1, ::-1]]
    found = np.array([(result == case).all(axis=(1, 2, 3)).sum() for case in cases])
    assert found.sum() == 400
    assert np.abs(found - 100).max() < 4 * np.sqrt(400 * 0.25 * 0.75)


def test_a_crop_shifts_by_whole_pixels_up_to_its_range() -> None:
    images, padded = noise(300), np.pad(noise(300), ((0, 0), (3, 3), (3, 3), (0, 0)))
    result = trained(images, Augmentation(crop=3 / SIDE))
    places = [(down, right) for down in range(7) for right in range(7)]
    crops = [padded[:, down : down + SIDE, right : right + SIDE] for down, right in places]
    found = np.stack([(result == crop).all(axis=(1, 2, 3)) for crop in crops])
    assert (found.sum(axis=0) == 1).all()
    assert found.any(axis=1).sum() > 40


@pytest.mark.parametrize(("fill", "mode"), [("edge", "edge"), ("reflect", "reflect"), ("black", "constant")])
def test_what_is_outside_is_filled_as_numpy_pads(fill: Any, mode: Any) -> None:
    images = noise()
    one = layer(Augmentation(fill=fill))
    still = {"rotation": 0.0, "shear": 0.0, "zoom": 1.0, "down": 3.0, "right": -5.0}
    transform = Transform(**{name: keras.ops.full((4,), value, "float32") for name, value in still.items()})
    moved = keras.ops.convert_to_numpy(one.sample(images, *one.source(transform)))
    padded = np.pad(images, ((0, 0), (5, 5), (5, 5), (0, 0)), mode)
    np.testing.assert_array_equal(moved, padded[:, 2 : 2 + SIDE, 10 : 10 + SIDE])


def test_photographs_rotated_with_reflection_have_no_black_corners() -> None:
    grey = np.full((16, SIDE, SIDE, 3), 77, np.float32)
    ranges = Augmentation(rotation=45, shift=0.2, crop=0.2, flip="both", fill="reflect")
    np.testing.assert_allclose(trained(grey, ranges), grey, rtol=1e-6)


def test_the_other_draws_do_not_depend_on_flips_and_colours() -> None:
    more = ALL.model_copy(update={"flip": "both", "crop": 0.1, "brightness": 0.3, "cutout": 0.3})
    for name, values in draws(ALL, 50).items():
        np.testing.assert_array_equal(draws(more, 50)[name], values)


def test_colours_change_without_moving_a_pixel() -> None:
    images = noise()
    result = trained(images, Augmentation(brightness=0.5))
    factors = np.median(result / images, axis=(1, 2, 3))
    limited = np.clip(images * factors[:, None, None, None], 0, 255)
    np.testing.assert_allclose(result, limited, rtol=1e-4)
    assert len(set(factors)) == 4


def test_cutout_hides_a_square() -> None:
    images = np.zeros((50, SIDE, SIDE, 1), np.float32)
    hidden = (trained(images, Augmentation(cutout=0.5)) == 128).sum(axis=(1, 2, 3))
    # 14 x 14 pixels, of which a quarter at least is inside.
    assert hidden.max() <= 14 * 14
    assert hidden.min() >= 7 * 7
    assert len(set(hidden)) > 10


PHOTOGRAPHS = Augmentation(
    rotation=10,
    flip="both",
    crop=0.1,
    fill="reflect",
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
    cutout=0.3,
)


def test_evaluation_does_not_change_photographs() -> None:
    images = colours(noise().astype(np.uint8))
    result = layer(PHOTOGRAPHS)(images, training=False)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result), images)


def test_the_seed_determines_the_augmentation_of_photographs() -> None:
    np.testing.assert_array_equal(trained(noise(), PHOTOGRAPHS, 5), trained(noise(), PHOTOGRAPHS, 5))
    assert not np.array_equal(trained(noise(), PHOTOGRAPHS, 5), trained(noise(), PHOTOGRAPHS, 6))


@pytest.mark.parametrize(
    "augmentation", [Augmentation(), Augmentation(tta=True), Augmentation(tta=True, flip="horizontal")]
)
def test_there_are_as_many_views_as_the_configuration_says(augmentation: Augmentation) -> None:
    assert len(views_of(augmentation)) + 1 == augmentation.view_count


def test_a_view_of_photographs_is_the_mirror_image() -> None:
    images = colours(noise().astype(np.uint8))
    assert views_of(Augmentation(tta=True, flip="both")) == (MIRROR,)
    np.testing.assert_array_equal(view(images, MIRROR), images[:, :, ::-1], strict=True)


def bars(*slopes: float) -> NDArray[np.uint8]:
    """Return images of a bar through the centre, that moves right by `slope` pixels per row."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    images = [np.clip(3 - np.abs(columns - slope * rows), 0, 1) * (np.abs(rows) < 10) for slope in slopes]
    return np.asarray(np.rint(255 * np.stack(images)[..., None]), np.uint8)


def test_each_slanted_image_is_deskewed() -> None:
    result = deskew(bars(-0.5, 0.3, 0))[..., 0]
    assert result.dtype == np.uint8
    # Each row of ink has its middle in the image's middle, to a tenth of a pixel.
    middles = (result * np.arange(SIDE)).sum(axis=2) / np.maximum(result.sum(axis=2), 1)
    np.testing.assert_allclose(middles[:, 4:24], (SIDE - 1) / 2, atol=0.1)
    slanted = bars(-0.5)[..., 0]
    assert np.ptp(slanted @ np.arange(SIDE) / np.maximum(slanted.sum(axis=2), 1)) > 9


def test_images_without_slant_do_not_change() -> None:
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


def test_uint8_becomes_float32_on_the_same_scale() -> None:
    images = noise().astype(np.uint8)
    result = layer()(images, training=False)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result), images)


@pytest.fixture
def _bfloat16() -> Iterator[None]:
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("ranges", [ALL, PHOTOGRAPHS], ids=["digits", "photographs"])
def test_a_bfloat16_policy_changes_nothing(request: pytest.FixtureRequest, ranges: Augmentation) -> None:
    before = trained(noise(), ranges)
    request.getfixturevalue("_bfloat16")
    np.testing.assert_array_equal(trained(noise(), ranges), before)
