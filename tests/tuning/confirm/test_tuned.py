"""The file that a study writes, for configurations from everywhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import create_trial

from kit import config
from kit.config import Source
from kit.errors import KitError, UserError
from kit.records import Comparison, Confirmation, Replicate
from kit.tuning.confirm import tuned
from kit.tuning.confirm.tuned import check_target, write_tuned

MINE = """
folds: {count: 4}
seeds: [0, 2]
training: {epochs: 3, learning_rate: 0.001}
models:
  cnn:
    stages:
      - {filters: 4, kernel: 5}
      - {filters: 8, dropout: 0.1}
    training: {batch_size: 64}
  other:
    stages: [{filters: 2}]
    head: [16]
"""
DROPOUT, RATE = 0.1 + 0.2, 1.2345678901234567e-05
REPLICATES = tuple(Replicate(seed, fold) for seed in (3, 4) for fold in (0, 1))


def compared(trial: int, gain: float, error_rate: float) -> Comparison:
    return Comparison(
        trial=trial,
        replicates=REPLICATES,
        losses=(0.06 - gain,) * 4,
        baseline_losses=(0.05, 0.06, 0.06, 0.07),
        mean=-gain,
        low=-gain - 0.005,
        high=-gain + 0.005,
        error_rate=error_rate,
        better=gain > 0.005,
        probability=0.99,
    )


CONFIRMED = Confirmation(
    status="confirmed",
    seeds=(1, 3, 4),
    folds=2,
    shuffle=5,
    level=0.05,
    comparisons=(compared(2, -0.1, 0.0375), compared(1, 0.01, 0.025)),
    winner=1,
)
PATH = Path("configs/tuned-s.yaml")


class Dropout:
    """A search space of a list's element, and of a number that several models take."""

    def changes(self, params: Mapping[str, Any]) -> list[str]:
        return [
            f"models.cnn.stages.0.dropout={params['dropout']!r}",
            f"training.learning_rate={params['rate']!r}",
        ]


@pytest.fixture(autouse=True)
def _configs(workdir: Path) -> None:
    (workdir / "configs").mkdir()
    (workdir / "configs/mine.yaml").write_text(MINE)


@pytest.fixture
def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made = optuna.create_study()
    made.add_trial(create_trial(value=0.0625, user_attrs={"baseline": True}))
    params = {"dropout": DROPOUT, "rate": RATE}
    distributions: dict[str, BaseDistribution] = dict.fromkeys(params, FloatDistribution(0, 1))
    made.add_trial(create_trial(value=0.05, params=params, distributions=distributions))
    return made


def write(
    study: optuna.Study,
    config_name: str = "mine",
    changes: Sequence[str] = (),
    command: str = "kit tune -c mine",
) -> dict[str, Any]:
    """Write the file, and return its content."""
    space: Any = Dropout()
    path = write_tuned(
        study, CONFIRMED, "s", source=Source.read(config_name, changes), space=space, command=command
    )
    assert path == PATH
    content: dict[str, Any] = yaml.safe_load(PATH.read_text())
    return content


STAGES = [{"filters": 4, "kernel": 5, "dropout": DROPOUT}, {"filters": 8, "dropout": 0.1}]


def test_it_holds_what_differs_and_nothing_else(study: optuna.Study) -> None:
    assert write(study) == {
        "extends": "mine",
        "training": {"learning_rate": RATE},
        "models": {"cnn": {"stages": STAGES}},
        "folds": {"seed": 5},
        "seeds": [5, 6],
    }


def test_it_is_the_winner_with_other_folds_and_seeds(study: optuna.Study) -> None:
    write(study)
    changes = [*Dropout().changes({"dropout": DROPOUT, "rate": RATE}), "folds.seed=5", "seeds=[5, 6]"]
    assert config.load("tuned-s") == config.load("mine", changes)
    assert config.load("configs/tuned-s.yaml") == config.load("mine", changes)


def test_each_stage_is_on_one_line(study: optuna.Study) -> None:
    write(study)
    lines = [line.strip() for line in PATH.read_text().splitlines()]
    assert "- {filters: 8, dropout: 0.1}" in lines
    assert f"- {{filters: 4, kernel: 5, dropout: {DROPOUT!r}}}" in lines


def test_the_header_says_how_it_was_found(study: optuna.Study) -> None:
    write(study, command="kit tune -c mine --set 'a=\n}: b' --timeout 1h " + 20 * "--set seeds=2 ")
    text = PATH.read_text()
    header = [line for line in text.splitlines() if line.startswith("#")]
    assert header[0].startswith("# Written by kit tune: better log loss than mine")
    words = " ".join(" ".join(line.removeprefix("#").split()) for line in header)
    assert "2 trials, this is trial 1" in words
    assert "Search: log loss 0.05000, baseline 0.06250." in words
    assert "Confirmation: log loss 0.05000 against 0.06000: gain +0.01000 (+16.7 %)" in words
    assert "95 % interval +8.3 to +25.0 %; better with probability 99 %." in words
    assert "4 replicates: 2 folds of 2 shuffles, seeds 3, 4." in words
    assert "# Found by: kit tune -c mine --set 'a= }: b' --timeout 1h --set seeds=2" in text
    assert [line[:8] for line in text.splitlines()[-3:]] == ["# Neithe", "folds: {", "seeds: ["]


def test_changes_of_the_call_are_written_too(study: optuna.Study) -> None:
    changes = ["models.other.head=[8]", "folds.count=3", "seeds=3", "tune.folds=1", "models.cnn.l2=1e-5"]
    content = write(study, changes=changes)
    assert content["models"] == {"cnn": {"stages": STAGES, "l2": 1e-5}, "other": {"head": [8]}}
    assert content["folds"] == {"count": 3, "seed": 5}
    assert content["seeds"] == [5, 6, 7]
    assert "tune" not in content


def test_reshuffled_folds_get_another_shuffle_for_each_seed(study: optuna.Study) -> None:
    content = write(study, changes=["folds.reshuffle=true"])
    assert content["folds"] == {"reshuffle": True, "seed": 5}


def test_a_file_elsewhere_is_found_from_configs(study: optuna.Study, workdir: Path) -> None:
    (workdir / "lab").mkdir()
    (workdir / "lab/own.yaml").write_text("extends: ../configs/mine.yaml\ntraining: {epochs: 7}\n")
    assert write(study, "lab/own.yaml")["extends"] == "../lab/own.yaml"
    assert config.load("tuned-s").models["cnn"].training.epochs == 7  # type: ignore[union-attr]  # it is a network
    assert write(study, str(workdir / "lab/own.yaml"))["extends"] == "../lab/own.yaml"
    assert write(study, "configs/mine.yaml")["extends"] == "mine.yaml"


def test_a_chain_is_extended_at_its_end(study: optuna.Study, workdir: Path) -> None:
    (workdir / "configs/next.yaml").write_text("extends: mine\nseeds: 1\nmodels: {other: null}\n")
    content = write(study, "next")
    assert (content["extends"], content["seeds"]) == ("next", [2])
    assert list(config.load("tuned-s").models) == ["cnn"]


def test_a_shipped_configuration_is_extended_by_name(study: optuna.Study) -> None:
    space: Any = type("Space", (), {"changes": lambda *_: ["training.learning_rate=0.002"]})()
    about: dict[str, Any] = {"source": Source.read("default"), "space": space, "command": ""}
    write_tuned(study, CONFIRMED, "s", **about)
    assert yaml.safe_load(PATH.read_text()) == {
        "extends": "default",
        "training": {"learning_rate": 0.002},
        "folds": {"seed": 5},
        "seeds": [2],
    }


def test_keys_that_were_taken_away_stay_away(study: optuna.Study) -> None:
    # No file that extends another can say this: all of the configuration is written.
    content = write(study, changes=["models.cnn={stages: [{filters: 4, kernel: 5}]}"])
    assert "extends" not in content
    assert content["training"] == {"epochs": 3, "learning_rate": RATE}
    assert content["models"]["cnn"] == {"stages": STAGES[:1]}
    assert content["models"]["other"] == {"stages": [{"filters": 2}], "head": [16]}
    assert list(content)[-2:] == ["folds", "seeds"]
    assert content["folds"] == {"count": 4, "seed": 5}


def test_it_is_written_again(study: optuna.Study) -> None:
    first = write(study)
    assert write(study) == first


def test_what_kit_did_not_write_is_left_alone(study: optuna.Study) -> None:
    PATH.write_text("extends: mine\n")
    with pytest.raises(UserError, match=r"tuned-s\.yaml: kit tune did not write this file"):
        write(study)
    assert PATH.read_text() == "extends: mine\n"


def test_a_baseline_is_not_replaced_by_what_extends_it(study: optuna.Study, workdir: Path) -> None:
    write(study)
    (workdir / "configs/next.yaml").write_text("extends: tuned-s\n")
    for name in ("tuned-s", "next", "configs/tuned-s.yaml"):
        with pytest.raises(UserError, match="choose another --study"):
            check_target("s", Source.read(name))
    assert check_target("t", Source.read("tuned-s")) == Path("configs/tuned-t.yaml")


def test_a_file_that_would_say_something_else_is_not_written(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuned, "_yaml", lambda content: yaml.safe_dump({**content, "l2": 1}))
    with pytest.raises(KitError, match="cannot be written"):
        write(study)
    assert [path.name for path in Path("configs").iterdir()] == ["mine.yaml"]


def test_it_makes_its_folder(study: optuna.Study, workdir: Path) -> None:
    (workdir / "configs/mine.yaml").unlink()
    (workdir / "configs").rmdir()
    (workdir / "own.yaml").write_text(MINE)
    assert write(study, "own.yaml")["extends"] == "../own.yaml"
