from typing import Any

import pytest

from kit.training.launch.dask.facts import Facts, differences

VERSIONS = {"python": "3.11.7", "kit": "1.0", "numpy": "2.4.1", "keras": "3.15.1", "tensorflow": "2.21.0"}


def facts(
    *, gpu: str | None = None, features: tuple[str, ...] = ("avx2", "amx_bf16"), **versions: str
) -> Facts:
    return Facts("there", VERSIONS | versions, features, gpu=gpu)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (facts(), []),
        (facts(numpy="2.3.5"), ["numpy 2.3.5 instead of 2.4.1"]),
        (facts(kit="0.9", keras="3.14"), ["kit 0.9 instead of 1.0", "keras 3.14 instead of 3.15.1"]),
        (facts(python="3.11.9"), []),
        (facts(python="3.12.1"), ["python 3.12 instead of 3.11"]),
        (facts(torch="2.9"), []),
        (facts(features=("avx2",)), ["its CPU lacks amx_bf16"]),
        (facts(features=("avx2", "avx512f", "amx_bf16")), ["its CPU also has avx512f"]),
        (facts(gpu="NVIDIA H200"), ["it trains on NVIDIA H200 instead of a CPU"]),
    ],
)
def test_what_may_change_a_result_is_named(other: Facts, expected: list[str]) -> None:
    assert differences(facts(), other, "tensorflow") == expected


def test_a_package_that_is_missing_is_named() -> None:
    other = Facts(
        "there", {name: version for name, version in VERSIONS.items() if name != "keras"}, ("avx2",)
    )
    assert differences(facts(features=("avx2",)), other, "tensorflow") == ["keras none instead of 3.15.1"]


def test_without_a_network_neither_keras_nor_a_backend_matters() -> None:
    assert differences(facts(), facts(keras="3.14", tensorflow="2.20"), None) == []


def test_facts_survive_the_way_to_the_driver() -> None:
    here = Facts.here(None)
    sent: dict[str, Any] = {**here.plain(), "features": list(here.features), "later": 1}
    assert Facts.of(sent) == here
    assert here.versions["numpy"]
