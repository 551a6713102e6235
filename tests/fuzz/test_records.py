"""Any bytes in place of a record: what is read is what the file says, and reading writes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis.strategies import just, one_of, tuples

from kit.records import EnsembleRecord, Record, Report, RunRecord, StudyOrigin, StudyReport
from kit.records.files import read_record
from kit.run_folder import Run
from tests.fuzz.searching import accepted, damaged_json, examples, search
from tests.studies import confirmation, small_study, summarised

OLD = Path(__file__).parents[1] / "version_1"
KINDS: dict[str, tuple[type[Record], str]] = {
    "run": (RunRecord, "run.json"),
    "report": (Report, "report.json"),
    "ensemble": (EnsembleRecord, "blend.json"),
    "study": (StudyOrigin, "study.json"),
    "study report": (StudyReport, "report.json"),
}
SMALL = {"version": 2, "config_name": "quick", "hash": "1a2b3c4d", "sample": True}
CONFIGS = [
    {"config": {"folds": {"count": 2}, "seeds": [0, 1], "models": {"cnn": {}, "knn": {}}, "all_rows": True}}
]
"""What the plan of the members depends on."""


@pytest.fixture
def valid(example: Callable[..., Any]) -> dict[str, list[Any]]:
    """Return the content of good files, by kind."""
    run = example().write()
    study = summarised(small_study(), confirmation("none better"))
    facts = {
        key: getattr(study, key)
        for key in ("study", "config", "storage", "command", "sample", "metric", "score")
    }
    ensemble = EnsembleRecord(
        method="mean", tta=False, calibrate=True, weights={"a": 0.5, "b": 0.5}, temperatures={"a": 1.5}
    )
    old = {kind: json.loads((OLD / file).read_bytes()) for kind, (_, file) in [*KINDS.items()][:3]}
    return {
        "run": [json.loads(run.info_path.read_bytes()), old["run"]],
        "report": [json.loads(run.report_path.read_bytes()), old["report"]],
        "ensemble": [ensemble.model_dump(mode="json"), old["ensemble"]],
        "study": [
            StudyOrigin(status="complete", confirmation=study.confirmation, **facts).model_dump(mode="json")
        ],
        "study report": [study.model_dump(mode="json")],
    }


def strictly(raw: bytes) -> Any:
    """Return the content of JSON; ValueError for what it does not have, and for a duplicate key."""

    def no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("a key is there twice")
        return dict(pairs)

    def no_constant(text: str) -> None:
        raise ValueError(f"{text} is not JSON")

    return json.loads(raw.decode(), object_pairs_hook=no_twice, parse_constant=no_constant)


def agree(given: Any, read: Any, place: str = "") -> None:
    """Check that a record has the file's values; it may have more keys, and lack unknown ones."""
    if isinstance(given, dict) and isinstance(read, dict):
        for key in given.keys() & read.keys():
            agree(given[key], read[key], f"{place}.{key}")
    elif isinstance(given, list) and isinstance(read, list):
        assert len(given) == len(read), place
        for number, (one, other) in enumerate(zip(given, read, strict=True)):
            agree(one, other, f"{place}.{number}")
    elif isinstance(read, float):
        assert float(given) == read, place  # A whole number, or a number in quotes.
    elif isinstance(read, int) and isinstance(given, str):
        assert int(given) == read, place
    else:
        assert given == read, place


@examples
def test_a_record_is_what_the_file_says(examples: int, valid: dict[str, list[Any]], tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.json"
    path.parent.mkdir()

    def check(made: tuple[str, bytes]) -> None:
        kind, raw = made
        path.write_bytes(raw)
        record, _ = KINDS[kind]
        found = accepted(lambda: read_record(path, record), str(path))
        assert [*path.parent.iterdir()] == [path]
        assert path.read_bytes() == raw
        if found is None:
            return
        given, dumped = strictly(raw), found.model_dump(mode="json")
        assert record.model_validate(dumped) == found
        if given.get("version") == 2:
            agree(given, dumped)

    search(check, one_of(*(tuples(just(kind), damaged_json(valid[kind])) for kind in KINDS)), examples)


@examples
def test_the_members_of_any_run_are_planned_or_refused(examples: int, tmp_path: Path) -> None:
    run = Run(tmp_path / "any")
    run.path.mkdir()

    def check(raw: bytes) -> None:
        run.info_path.write_bytes(raw)
        planned = accepted(run.planned, str(run.info_path))
        if planned is not None:
            assert len(planned) == len({*planned}) <= 100_000

    # 1,000 of the slow test: the interesting part is small.
    search(check, damaged_json([{**SMALL, "config": one["config"]} for one in CONFIGS]), min(examples, 1000))
