import re
from pathlib import Path
from typing import Any

import pytest

from kit import config
from kit.config import Cnn, Config
from kit.errors import UserError

CNN = "models: {cnn: {stages: [{filters: 4}, {filters: 8}]}}\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("mine", CNN)


def write(name: str, text: str) -> None:
    path = Path("configs") / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def cnn(settings: Config) -> Cnn:
    model = settings.models["cnn"]
    assert isinstance(model, Cnn)
    return model


def error(name: str, *changes: str) -> str:
    with pytest.raises(UserError) as caught:
        config.load(name, changes)
    message = str(caught.value)
    assert len(message.splitlines()) <= 3
    return message


@pytest.mark.parametrize("path", sorted(config.shipped().glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_configuration_is_valid(path: Path) -> None:
    assert config.load(str(path)).models


def test_a_shipped_configuration_is_found_anywhere() -> None:
    assert config.find("default") == config.shipped() / "default.yaml"


def test_the_own_folder_comes_before_shipped_configurations() -> None:
    write("default", CNN)
    assert config.find("default") == Path("configs/default.yaml")


def test_a_path_is_taken_as_it_is() -> None:
    assert config.find("configs/mine.yaml") == Path("configs/mine.yaml")


def test_an_unknown_configuration_names_the_most_similar_one() -> None:
    message = error("defualt")
    assert "no configuration 'defualt'; did you mean 'default'?" in message
    assert re.search(r"expected one of .*default.*mine.*, or a file\.yaml", message)


def test_a_missing_file_is_named() -> None:
    assert error("no/such.yaml") == "there is no configuration file no/such.yaml"


# --- extends


def test_a_configuration_extends_one_beside_it() -> None:
    write("child", "extends: mine\ntraining: {epochs: 3}\n")
    settings = config.load("child")
    assert (settings.training.epochs, len(cnn(settings).stages)) == (3, 2)


def test_it_extends_a_shipped_one_with_the_same_name() -> None:
    write("default", "extends: default\nseeds: 4\n")
    assert config.load("default").seeds == (0, 1, 2, 3)


def test_it_extends_a_path_from_its_own_folder() -> None:
    write("deep/child", "extends: ../mine.yaml\n")
    assert config.load("configs/deep/child.yaml") == config.load("mine")


def test_the_last_file_wins_over_several_steps() -> None:
    write("child", "extends: mine\ntraining: {epochs: 3, batch_size: 7}\n")
    write("grandchild", "extends: child\ntraining: {epochs: 4}\n")
    training = config.load("grandchild").training
    assert (training.epochs, training.batch_size) == (4, 7)


def test_a_list_is_replaced_and_not_merged() -> None:
    write("child", "extends: mine\nmodels: {cnn: {stages: [{filters: 9}]}}\n")
    assert [stage.filters for stage in cnn(config.load("child")).stages] == [9]


def test_null_removes_an_inherited_model() -> None:
    write("child", "extends: mine\nmodels: {cnn: null, knn: {kind: knn}}\n")
    assert list(config.load("child").models) == ["knn"]


@pytest.mark.parametrize("name", ["9" * 300, "9" * 300 + ".yaml"])
def test_a_name_that_no_file_can_have_is_named(name: str) -> None:
    assert error(name).startswith("there is no configuration")


def test_extends_of_a_missing_file_names_the_most_similar_one() -> None:
    write("child", "extends: mien\n")
    assert error("child").startswith(
        "configs/child.yaml: extends: there is no configuration 'mien'; did you mean 'mine'?"
    )


def test_circular_extends_is_refused() -> None:
    write("one", "extends: two\n")
    write("two", "extends: one\n")
    assert "extends leads back to itself" in error("one")


def test_extends_of_itself_is_refused() -> None:
    write("only", "extends: only\n")
    assert "there is no configuration 'only'" in error("only")


@pytest.mark.parametrize("value", ["[mine]", "3", "''"])
def test_extends_must_be_a_name(value: str) -> None:
    write("child", f"extends: {value}\n")
    assert "expected a name or a file.yaml" in error("child")


# --- YAML


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.e-3", ".1e-2", "0.001", "+1e-3"])
def test_a_number_may_be_written_in_any_decimal_notation(text: str) -> None:
    write("child", f"extends: mine\ntraining: {{learning_rate: {text}}}\n")
    assert config.load("child").training.learning_rate == 0.001


def test_a_duplicate_key_is_refused_with_its_line() -> None:
    write("child", "extends: mine\ntraining:\n  epochs: 3\n  epochs: 4\n")
    assert error("child") == "configs/child.yaml, line 4, column 3: not YAML: duplicate key 'epochs'"


@pytest.mark.parametrize("value", ["!!timestamp 2026-13-01", "9" * 5000, "[" * 5000])
def test_a_value_that_python_cannot_parse_is_refused(value: str) -> None:
    write("child", f"extends: mine\nseeds: {value}\n")
    assert error("child").startswith("configs/child.yaml: not YAML: ")
    assert "the value is not YAML: " in error("mine", f"seeds={value}")


def test_a_tab_is_refused_with_its_line() -> None:
    write("child", "training:\n\tepochs: 3\n")
    assert error("child") == "configs/child.yaml, line 2, column 1: not YAML: found a tab; indent with spaces"


@pytest.mark.parametrize("text", ["training: {epochs: 3", "a: b: c", "- - }", "\x00", "? [1, 2]\n: 3\n"])
def test_invalid_yaml_is_refused(text: str) -> None:
    write("child", text)
    assert "configs/child.yaml" in error("child")


@pytest.mark.parametrize(("text", "kind"), [("[1, 2]", "list"), ("3", "int"), ("words", "str")])
def test_content_without_keys_is_refused(text: str, kind: str) -> None:
    write("child", text)
    assert (
        error("child")
        == f"configs/child.yaml: not a configuration\nexpected keys and values, received {kind}"
    )


def test_an_empty_file_lacks_models() -> None:
    write("child", "# nothing yet\n")
    assert error("child") == "configs/child.yaml: models is missing"


def test_text_in_another_encoding_is_refused() -> None:
    Path("configs/child.yaml").write_bytes("# größer\n".encode("latin-1"))
    assert error("child") == "configs/child.yaml: not a text file in UTF-8"


def test_a_byte_order_mark_is_accepted() -> None:
    write("child", f"\ufeff{CNN}")
    assert config.load("child") == config.load("mine")


def test_a_folder_is_not_a_configuration() -> None:
    Path("configs/folder.yaml").mkdir()
    assert error("configs/folder.yaml") == "there is no configuration file configs/folder.yaml"


# --- --set


@pytest.mark.parametrize(
    ("change", "same_as"),
    [
        ("training.epochs=3", "training: {epochs: 3}"),
        (" training.epochs = 3", "training: {epochs: 3}"),
        ("training.learning_rate=1e-4", "training: {learning_rate: 0.0001}"),
        ("folds.reshuffle=true", "folds: {reshuffle: true}"),
        ("seeds=3", "seeds: [0, 1, 2]"),
        ("seeds=[1,2]", "seeds: [1, 2]"),
        ("models.cnn.dropout=0.3", "models: {cnn: {dropout: 0.3}}"),
        ("models.cnn.training.epochs=3", "models: {cnn: {training: {epochs: 3}}}"),
        (
            "models.cnn.stages.1.dropout=.1",
            "models: {cnn: {stages: [{filters: 4}, {filters: 8, dropout: 0.1}]}}",
        ),
        ("models.cnn.stages=[{filters: 5}]", "models: {cnn: {stages: [{filters: 5}]}}"),
        ("models.knn={kind: knn}", "models: {knn: {kind: knn}}"),
        ("competition.public_rows=null", "competition: {public_rows: null}"),
        ("data.directory=a=b", "data: {directory: a=b}"),
    ],
)
def test_a_change_is_the_same_as_a_line_of_the_file(change: str, same_as: str) -> None:
    write("child", f"extends: mine\n{same_as}\n")
    assert config.load("mine", [change]) == config.load("child")


def test_the_last_change_wins() -> None:
    assert config.load("mine", ["seeds=3", "seeds=[7]"]).seeds == (7,)


def test_null_removes_a_model() -> None:
    settings = config.load("mine", ["models.knn={kind: knn}", "models.cnn=null"])
    assert list(settings.models) == ["knn"]


@pytest.mark.parametrize("change", ["seeds", "=3", "", "a..b=3", ".a=3", "training.=3"])
def test_an_invalid_change_is_refused(change: str) -> None:
    assert error("mine", change).endswith("not a change\nexpected KEY=VALUE, as in models.cnn.dropout=0.3")


@pytest.mark.parametrize(
    "change", ["models.cmn.dropout=0.3", "models.cmn=null", "models.cmn.training.epochs=3"]
)
def test_a_change_of_an_unknown_model_names_the_most_similar_one(change: str) -> None:
    assert (
        error("mine", change)
        == f"--set {change}: there is no model 'cmn'; did you mean 'cnn'?\nexpected one of cnn"
    )


@pytest.mark.parametrize("element", ["2", "-1", "first"])
def test_a_missing_element_is_refused(element: str) -> None:
    message = error("mine", f"models.cnn.stages.{element}.filters=3")
    assert message.endswith(f"no such element\nexpected a number from 0 to 1, received {element}")


def test_a_key_below_a_value_is_refused() -> None:
    assert "dropout has no keys below it" in error("mine", "models.cnn.dropout=0.3", "models.cnn.dropout.x=3")


def test_a_value_of_invalid_yaml_is_refused() -> None:
    assert error("mine", "seeds=[1").startswith("--set seeds=[1: the value is not YAML: ")


def test_a_configuration_is_validated_without_files() -> None:
    raw: dict[str, Any] = {"models": {"knn": {"kind": "knn", "neighbours": 0}}}
    with pytest.raises(
        UserError, match=r"^models\.knn\.neighbours is not right\nexpected at least 1, received 0$"
    ):
        config.validate(raw)


@pytest.mark.parametrize("method", ["weighted", "greedy", "stack", "best"])
def test_a_fitted_method_needs_two_columns(method: str) -> None:
    write("one", f"extends: mine\nensemble: {{method: {method}}}\n")
    assert error("one") == (
        f"configs/one.yaml, line 2: ensemble.method: {method} needs two columns or more, and "
        "one model with one seed is one\nset seeds: 2, add a model, or choose mean"
    )
    assert config.load("one", ["seeds=2"]).ensemble.method == method


@pytest.mark.parametrize("method", ["mean", "geometric", "rank", "vote", "auto"])
def test_other_methods_need_one_column(method: str) -> None:
    assert config.load("mine", [f"ensemble.method={method}"]).ensemble.method == method
