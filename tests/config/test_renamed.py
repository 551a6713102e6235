from pathlib import Path

import pytest

from kit import config
from kit.config import renamed
from kit.errors import UserError

OLD = """\
models: {cnn: {stages: [{filters: 4}], training: {turn: 0.02}}}
training: {turn: 0.01}
blend: {calibrate: true}
tune:
  space:
    training.turn: {kind: float, low: 0.001, high: 0.1}
"""


@pytest.fixture(autouse=True)
def _no_warning_yet() -> None:
    renamed._warn_once.cache_clear()


def test_old_keys_still_work(workdir: Path) -> None:
    (workdir / "old.yaml").write_text(OLD)
    made = config.load("old.yaml")
    assert made.ensemble.calibrate
    assert made.training.relative_step == 0.01
    model = made.models["cnn"]
    assert isinstance(model, config.Cnn)
    assert model.training.relative_step == 0.02
    assert list(made.tune.space) == ["training.relative_step"]


def test_each_old_key_gives_one_warning(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workdir / "old.yaml").write_text(OLD)
    for _ in range(2):
        config.load("old.yaml")
    assert capsys.readouterr().err.splitlines() == [
        "warning: old.yaml: blend was renamed to ensemble; the old name still works",
        "warning: old.yaml: training.turn was renamed to training.relative_step; the old name still works",
        "warning: old.yaml: models.cnn.training.turn was renamed to models.cnn.training.relative_step; "
        "the old name still works",
        "warning: old.yaml: tune.space: training.turn was renamed to training.relative_step; "
        "the old name still works",
    ]


def test_an_old_key_of_a_change_works_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert config.load("default", ["blend.calibrate=true"]).ensemble.calibrate
    assert config.load("default", ["blend.method=rank"]).ensemble.method == "rank"
    assert (
        "--set blend.calibrate=true: blend.calibrate was renamed to ensemble.calibrate;"
        in capsys.readouterr().err
    )


def test_a_stored_configuration_is_read_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    stored = config.load("default").model_dump(mode="json")
    stored["blend"] = stored.pop("ensemble")
    stored["models"]["cnn"]["training"]["turn"] = stored["models"]["cnn"]["training"].pop("relative_step")
    assert config.validate(stored) == config.load("default")
    assert capsys.readouterr().err == ""


def test_both_names_at_once_are_refused(workdir: Path) -> None:
    (workdir / "both.yaml").write_text("extends: default\nblend: {tta: true}\nensemble: {tta: true}\n")
    with pytest.raises(UserError, match=r"both\.yaml: blend and ensemble are the same key\nremove blend"):
        config.load("both.yaml")


def test_a_file_with_an_old_key_can_extend_one_with_the_new_key(workdir: Path) -> None:
    (workdir / "mine.yaml").write_text("extends: default\nblend: {tta: false}\n")
    assert not config.load("mine.yaml").ensemble.tta


def test_an_error_below_an_old_key_names_its_line(workdir: Path) -> None:
    (workdir / "mine.yaml").write_text("extends: default\n\nblend: {zzz: false}\n")
    with pytest.raises(UserError, match=r"mine\.yaml, line 3: unknown key ensemble\.zzz"):
        config.load("mine.yaml")


def test_both_names_in_the_search_space_are_refused(workdir: Path) -> None:
    names, given = ("training.turn", "training.relative_step"), "{kind: float, low: 0.1, high: 0.2}"
    space = ", ".join(f"{name}: {given}" for name in names)
    (workdir / "both.yaml").write_text(f"extends: default\ntune: {{space: {{{space}}}}}\n")
    words = r"tune\.space: training\.turn and training\.relative_step are the same key\nremove training\.turn"
    with pytest.raises(UserError, match=words):
        config.load("both.yaml")


def test_an_error_at_an_old_key_of_a_change_names_the_change() -> None:
    with pytest.raises(UserError, match=r"--set blend\.method=x: ensemble\.method is not right"):
        config.load("default", ["blend.method=x"])
