import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kit import config
from kit.config import Cnn, Competition, Config
from kit.config.base import Section
from kit.errors import UserError

CNN = {"stages": [{"filters": 4}]}


def valid(**raw: Any) -> Config:
    return Config.model_validate({"models": {"cnn": CNN}} | raw)


def network(**raw: Any) -> Cnn:
    model = valid(**raw).models["cnn"]
    assert isinstance(model, Cnn)
    return model


def sections(section: type[Section] = Section) -> Iterator[type[Section]]:
    for one in section.__subclasses__():
        yield one
        yield from sections(one)


def test_top_level_training_and_augmentation_are_the_defaults_of_a_network() -> None:
    model = network(training={"epochs": 3}, augmentation={"zoom": 0.2})
    assert (model.training.epochs, model.augmentation.zoom) == (3, 0.2)


def test_a_network_overrides_parts_of_training() -> None:
    own = {"cnn": {**CNN, "training": {"epochs": 7}}}
    model = network(training={"epochs": 3, "batch_size": 64}, models=own)
    assert (model.training.epochs, model.training.batch_size) == (7, 64)


def test_a_baseline_takes_no_training() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        valid(models={"knn": {"kind": "knn", "training": {"epochs": 3}}})


@pytest.mark.parametrize(("given", "seeds"), [(1, (0,)), (3, (0, 1, 2)), ([4, 2], (4, 2))])
def test_seeds_are_a_count_or_a_list(given: Any, seeds: tuple[int, ...]) -> None:
    assert valid(seeds=given).seeds == seeds


@pytest.mark.parametrize("given", [0, -1, 1001, True, "3", [], [1, 1], [-1], [1.5], 2.0])
def test_other_seeds_are_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        valid(seeds=given)


def test_null_removes_a_model() -> None:
    assert list(valid(models={"cnn": CNN, "other": None}).models) == ["cnn"]


def test_a_configuration_without_models_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1"):
        valid(models={"cnn": None})


def test_an_empty_section_is_the_default() -> None:
    assert valid(training=None) == valid()


@pytest.mark.parametrize("name", ["cnn", "lenet-plain", "a_b-2", "5x5"])
def test_names_of_models(name: str) -> None:
    assert name in valid(models={name: CNN}).models


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "..", "a b", "-a", "a-", "ä", "a--b"])
def test_names_unsuitable_for_files_or_keys_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        valid(models={name: CNN})


@pytest.mark.parametrize(
    "stages",
    [
        [{"filters": 4, "kernel": 28, "padding": "valid"}],
        [{"filters": 4, "pool": "max"}] * 4,
        [{"filters": 4, "stride": 28}],
        [{"filters": 4, "kernel": 29}],
    ],
)
def test_stages_that_leave_one_pixel_are_accepted(stages: Any) -> None:
    assert len(network(models={"cnn": {"stages": stages}}).stages) == len(stages)


@pytest.mark.parametrize(
    ("stages", "place"),
    [
        ([{"filters": 4, "kernel": 29, "padding": "valid"}], "stages.0"),
        ([{"filters": 4, "pool": "average"}] * 5, "stages.4"),
        ([{"filters": 4, "stride": 28}, {"filters": 4, "pool": "max"}], "stages.1"),
    ],
)
def test_stages_that_leave_nothing_of_the_image_are_refused(stages: Any, place: str) -> None:
    with pytest.raises(ValidationError, match=rf"models\.cnn\.{place}: nothing is left"):
        valid(models={"cnn": {"stages": stages}})


def test_the_shorter_side_of_an_image_counts() -> None:
    with pytest.raises(ValidationError, match="nothing is left"):
        valid(
            competition={"image_shape": [28, 3]},
            models={"cnn": {"stages": [{"filters": 4, "pool": "max"}] * 2}},
        )


@pytest.mark.parametrize(
    ("competition", "classes", "labels"),
    [
        ({}, 10, None),
        ({"labels": "auto"}, None, "auto"),
        ({"labels": "auto", "classes": 12}, 12, "auto"),
        ({"classes": None}, None, "auto"),
        ({"labels": ["cat", 7]}, 2, ("cat", "7")),
    ],
)
def test_classes_follow_from_labels(competition: dict[str, Any], classes: int | None, labels: Any) -> None:
    made = Competition.model_validate(competition)
    assert (made.classes, made.labels) == (classes, labels)
    assert Competition.model_validate(made.model_dump(mode="json")) == made


@pytest.mark.parametrize(
    ("competition", "message"),
    [
        ({"labels": ["a", "b"], "classes": 3}, r"labels: expected 3 \(classes\), received 2"),
        ({"labels": ["a", "b", "a"]}, "labels: duplicate label 'a'"),
        ({"labels": [True, False]}, "expected text, received True; write it in quotes"),
        ({"submission": {"format": "label", "positive": "a"}}, "positive: only format: probability has it"),
        (
            {"submission": {"format": "label", "columns": ["a"]}},
            "columns: only format: probabilities has them",
        ),
        ({"prediction_column": "ImageId"}, "duplicate column 'ImageId'"),
        ({"submission": {"format": "probabilities", "columns": ["a", "b", "a"]}}, "duplicate column 'a'"),
    ],
)
def test_labels_and_submissions_that_make_no_sense_are_refused(
    competition: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        valid(competition=competition)


def test_an_image_shape_of_two_numbers_means_one_channel() -> None:
    short, whole = (Competition.model_validate({"image_shape": shape}) for shape in ([20, 28], [20, 28, 1]))
    assert short.image_shape == whole.image_shape == (20, 28, 1)


def test_the_digest_ignores_the_order_of_keys_and_how_numbers_are_written() -> None:
    one = valid(training={"epochs": 3, "learning_rate": 1}, augmentation={"zoom": 0})
    other = valid(augmentation={"zoom": 0.0}, training={"learning_rate": 1.0, "epochs": 3})
    assert one.digest() == other.digest()


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": 5},
        {"all_rows": True},
        {"ensemble": {"method": "mean"}},
        {"data": {"directory": "elsewhere"}},
        {"competition": {"slug": "other", "public_rows": 7000}},
        {"training": {"precision": "float32"}},
        # A default that every network overrides changes no member.
        {"training": {"epochs": 9}, "models": {"cnn": {**CNN, "training": {"epochs": 20}}}},
    ],
)
def test_the_digest_ignores_settings_that_change_no_member(change: dict[str, Any]) -> None:
    assert valid(**change).digest() == valid().digest()


@pytest.mark.parametrize(
    "change",
    [
        {"folds": {"count": 4}},
        {"folds": {"seed": 1}},
        {"folds": {"reshuffle": True}},
        {"training": {"epochs": 9}},
        {"training": {"relative_step": 0.1}},
        {"augmentation": {"shear": 1}},
        {"augmentation": {"tta": True}},
        {"models": {"cnn": {**CNN, "dropout": 0.1}}},
        {"models": {"cnn": {**CNN, "deskew": True}}},
        {"models": {"cnn": CNN, "knn": {"kind": "knn"}}},
        {"competition": {"classes": 9}},
        {"competition": {"image_shape": [20, 28]}},
        {"together": 2},
    ],
)
def test_the_digest_changes_with_settings_that_change_a_member(change: dict[str, Any]) -> None:
    assert valid(**change).digest() != valid().digest()


def test_whether_the_ensemble_uses_views_changes_no_member() -> None:
    views = {"augmentation": {"tta": True}}
    assert valid(**views, ensemble={"tta": True}).digest() == valid(**views).digest()


def test_a_network_may_learn_from_other_models() -> None:
    models = {"cnn": CNN, "knn": {"kind": "knn"}, "student": {**CNN, "teachers": ["cnn", "knn"]}}
    student = valid(models=models).models["student"]
    assert isinstance(student, Cnn)
    assert student.teachers == ("cnn", "knn")


@pytest.mark.parametrize(
    ("teacher", "what"),
    [
        ("nobody", "no model 'nobody'; the models are cnn, student, other"),
        ("student", "'student' has teachers itself"),
        ("other", "'other' has teachers itself"),
    ],
)
def test_invalid_teachers_are_refused(teacher: str, what: str) -> None:
    student, other = ({**CNN, "teachers": teachers} for teachers in (["cnn", teacher], ["cnn"]))
    models = {"cnn": CNN, "student": student, "other": other}
    with pytest.raises(ValidationError, match=rf"models\.student\.teachers: {what}"):
        valid(models=models)


@pytest.mark.parametrize("models", [{"cnn": CNN}, {"cnn": None, "knn": {"kind": "knn"}}])
def test_an_ensemble_of_views_that_no_network_has_is_refused(models: Any) -> None:
    with pytest.raises(ValidationError, match=r"no network predicts views; set augmentation\.tta: true"):
        valid(ensemble={"tta": True}, models=models)


def test_the_digest_covers_its_additional_arguments() -> None:
    assert valid().digest(fingerprint="a") != valid().digest(fingerprint="b") != valid().digest()


def test_a_configuration_can_be_restored_from_json() -> None:
    settings = config.load("default")
    assert Config.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize("section", list(sections()), ids=lambda section: section.__name__)
def test_every_key_has_a_docstring(section: type[Section]) -> None:
    """Each field of each section is followed by its docstring."""
    source = (Path(config.__file__).parent / f"{section.__module__.rpartition('.')[2]}.py").read_text()
    body = source.split(f"class {section.__name__}(")[1].split("\nclass ")[0]
    for field in section.__annotations__.keys() & section.model_fields:
        assert re.search(rf'\n    {field}: [^\n]*\n    """[A-Za-z0-9]', body), f"{section.__name__}.{field}"


def test_a_repeated_stage_that_leaves_nothing_of_the_image_is_refused() -> None:
    stages = [{"filters": 4}, {"filters": 4, "kernel": 9, "padding": "valid", "repeat": 4}]
    with pytest.raises(ValidationError, match=r"models\.cnn\.stages\.1: nothing is left of the image"):
        valid(models={"cnn": {"stages": stages}})


@pytest.mark.parametrize("size", ["0", "abc", "1.5", "[48]", '[48, "6 4"]', "[48, 0]", "0x40", "on"])
def test_a_size_of_images_that_is_none_is_named(size: str) -> None:
    with pytest.raises(UserError, match=r"image\.size: expected pixels, or \[height, width\]; received"):
        config.load("photos", [f"image.size={size}"])


@pytest.mark.parametrize(("size", "expected"), [("48", 48), ("[48, 64]", (48, 64))])
def test_a_size_of_images_is_one_number_or_two(size: str, expected: object) -> None:
    assert config.load("photos", [f"image.size={size}"]).image.size == expected
