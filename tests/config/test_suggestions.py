import pytest

from kit.config import Augmentation, Folds, Training, load, resolve
from kit.config.root import Ensemble
from kit.config.suggestions import SYNONYMS, did_you_mean, fitting_key, similar_keys
from kit.errors import UserError

MODELS = resolve("default")[0]["models"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("epochs", ["training.epochs"]),
        ("folds.counts", ["folds.count"]),
        ("n_splits", ["folds.count"]),
        ("lr", ["training.learning_rate"]),
        ("bs", ["training.batch_size"]),
        ("batch", ["training.batch_size"]),
        ("dropout", ["models.cnn.dropout", "models.wide_view.dropout"]),
        ("seed", ["seeds", "folds.seed", "tune.seed"]),
        ("model", ["models"]),
        ("metric", ["competition.metric", "tune.metric"]),
        ("augmentation.rotate", ["augmentation.rotation"]),
        ("models.cnn.epochs", ["models.cnn.training.epochs"]),
        ("models.cnn.training.lr", ["models.cnn.training.learning_rate"]),
        ("training.epoch", ["training.epochs"]),
        ("Training.Epochs", ["training.epochs"]),
        ("learning-rate", ["training.learning_rate"]),
        ("data_dir", ["data.directory"]),
        ("zzz", []),
        ("max_epochs", ["training.epochs"]),
        ("initial_lr", ["training.learning_rate"]),
        ("zoom_range", ["augmentation.zoom"]),
        ("warmup_steps", ["training.warmup"]),
        ("warmup_epochs", ["training.epochs", "training.warmup"]),
        ("hidden_units", ["models.cnn.head", "models.wide_view.head"]),
        ("mixed_precision", ["training.precision"]),
        ("random_state", ["seeds"]),
        ("training_epochs", ["training.epochs"]),
        ("training/epochs", ["training.epochs"]),
        ("training[epochs]", ["training.epochs"]),
        ("cutout", ["augmentation.cutout"]),
        ("dense", []),
        ("eta", []),
        ("group_column", ["folds.group"]),
        ("groups", ["folds.group"]),
    ],
)
def test_similar_keys(typed: str, meant: list[str]) -> None:
    assert similar_keys(typed, MODELS) == meant


def test_an_element_of_a_list_has_its_siblings() -> None:
    siblings = ["models.cnn.stages.0.dropout", "models.cnn.stages.0.kernel"]
    assert similar_keys("models.cnn.stages.0.dropuot", MODELS, siblings) == siblings[:1]


def test_an_exact_match_is_no_section() -> None:
    assert similar_keys("folds", MODELS, exact=True)[0] == "folds.count"
    assert similar_keys("epochz", MODELS, exact=True) == []


@pytest.mark.parametrize("meant", sorted(set(SYNONYMS.values()) - {"trees", "neighbours", "iterations"}))
def test_every_synonym_is_of_a_key(meant: str) -> None:
    assert similar_keys(meant, MODELS) or meant in {"augmentation", "filters"}


def test_a_question() -> None:
    assert did_you_mean([]) == ""
    assert did_you_mean(["a"]) == "; did you mean 'a'?"
    assert did_you_mean(["a", "b", "c"]) == "; did you mean 'a', 'b' or 'c'?"


def test_the_key_that_takes_a_value() -> None:
    assert fitting_key(Folds, 5) == "count"
    assert fitting_key(Folds, True) == "reshuffle"
    assert fitting_key(Ensemble, "greedy") == "method"
    assert fitting_key(Augmentation, True) == "tta"
    assert fitting_key(Training, [1]) is None


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ("epochs=3", "unknown key epochs; did you mean 'training.epochs'?"),
        ("folds=5", "did you mean folds.count=5?"),
        ("training=3", "did you mean training.epochs=3?"),
        ("ensemble=greedy", "did you mean ensemble.method=greedy?"),
        ("data=there", "did you mean data.directory=there?"),
        ("folds.count=5.0", "write 5"),
        ("folds.count=five", "expected a whole number, received 'five'"),
        ("seeds=three", "expected a number from 1 to 1000, or a list of seeds; received 'three'"),
        ("training.epochs:3", "did you mean training.epochs=3?"),
        ("training.epochs: 3", "did you mean training.epochs=3?"),
        ("training.epochs 3", "did you mean training.epochs=3?"),
        ("ensemble.method=gredy", "did you mean 'greedy'?"),
        ("competition.metric=f1", "did you mean 'micro_f1' or 'macro_f1'?"),
        ("training.optimizer=Adam", "did you mean 'adam'?"),
        ("models.cnnn.dropout=0.3", "there is no model 'cnnn'; did you mean 'cnn'?"),
        ("training={epoch: 3}", "unknown key training.epoch; did you mean 'training.epochs'?"),
        ("jobs=3", "it is an option: --jobs N"),
        ("training.early-stopping=true", "the last epoch counts"),
        ("backend=jax", "KERAS_BACKEND"),
        ("quick.epochs=3", "did you mean 'training.epochs'?"),
    ],
)
def test_a_wrong_change_names_the_right_one(change: str, hint: str) -> None:
    with pytest.raises(UserError) as raised:
        load("default", [change])
    assert hint in str(raised.value)


def test_spaces_around_the_equals_sign_are_allowed() -> None:
    assert load("default", ["training.epochs = 3"]).training.epochs == 3
