import json
import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.errors import UserError
from kit.submitting.events import from_line, to_line
from kit.submitting.ledger import Ledger, Record

RECORD = Record(
    tag="kit-1",
    status="uploading",
    competition="digit-recognizer",
    run="a",
    file="submissions/a.csv",
    sha256="00",
    message="a",
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "submissions")


def test_a_new_ledger_is_empty(ledger: Ledger) -> None:
    assert ledger.records() == []
    assert not ledger.folder.exists()


def test_the_last_event_of_a_tag_wins(ledger: Ledger) -> None:
    first = ledger.append(RECORD)
    ledger.append(replace(RECORD, tag="kit-2"))
    last = ledger.append(replace(first, status="pending", ref=7))
    records = ledger.records()
    assert [record.tag for record in records] == ["kit-1", "kit-2"]
    assert (records[0].status, records[0].ref) == ("pending", 7)
    assert (records[0].begun, records[0].updated) == (first.begun, last.updated)


def test_every_event_is_one_readable_line(ledger: Ledger) -> None:
    record = ledger.append(replace(RECORD, message="two\nlines ä"))
    ledger.append(replace(record, status="failed"))
    events = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert [event["status"] for event in events] == ["uploading", "failed"]
    assert events[0]["message"] == "two\nlines ä"
    assert events[0]["time"].endswith("+00:00")


def test_errors_contain_no_secret(ledger: Ledger) -> None:
    ledger.append(replace(RECORD, error="GET https://s.test/x?Signature=abc failed"))
    assert ledger.records()[0].error == "GET https://s.test/x?*** failed"
    assert "abc" not in ledger.path.read_text()


def test_intervals_are_read_as_written(ledger: Ledger) -> None:
    ledger.append(replace(RECORD, oof_interval=(0.9, 0.95), expected_score=(0.89, 0.96)))
    assert ledger.records()[0].oof_interval == (0.9, 0.95)
    assert ledger.records()[0].expected_score == (0.89, 0.96)


def test_only_a_torn_line_is_lost(ledger: Ledger) -> None:
    ledger.append(RECORD)
    with ledger.path.open("a") as file:
        file.write('{"tag": "kit-2", "sta')
    ledger.append(replace(RECORD, tag="kit-3"))
    assert [record.tag for record in ledger.records()] == ["kit-1", "kit-3"]


def test_merge_conflict_markers_are_ignored(ledger: Ledger) -> None:
    ledger.append(RECORD)
    line = ledger.path.read_text()
    ledger.path.write_text(f"<<<<<<< HEAD\n{line}=======\n[]\n{{}}\n>>>>>>> other\n")
    assert [record.tag for record in ledger.records()] == ["kit-1"]


def test_unknown_keys_of_a_later_version_are_ignored(ledger: Ledger) -> None:
    ledger.append(RECORD)
    ledger.path.write_bytes(to_line({"medal": "gold"} | from_line(ledger.path.read_text())))
    assert ledger.records()[0].tag == "kit-1"


def _append_many(folder: Path, name: str) -> None:
    for number in range(50):
        Ledger(folder).append(replace(RECORD, tag=f"{name}-{number}", message="x" * 300))


def test_two_processes_lose_no_event(ledger: Ledger) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_append_many, args=(ledger.folder, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(ledger.records()) == 100


def test_the_lock_has_one_holder(ledger: Ledger) -> None:
    with ledger.locked() as first, Ledger(ledger.folder).locked() as second:
        assert first
        assert not second
    with ledger.locked() as again:
        assert again


@pytest.mark.parametrize(
    ("score", "place"),
    [("0.98", "below"), ("0.985", "inside"), ("0.99", "inside"), ("0.9951", "above"), ("", ""), ("n/a", "")],
)
def test_the_position_of_a_score(score: str, place: str) -> None:
    assert replace(RECORD, public_score=score, expected_score=(0.985, 0.995)).score_position == place
    assert replace(RECORD, public_score=score).score_position == ""


def test_the_result_is_a_sentence() -> None:
    scored = replace(RECORD, public_score="0.99571", ref=7)
    assert scored.result == "score 0.99571"
    assert replace(scored, public_score="").result == "submission 7 is scored; Kaggle shows no public score"
    expected = replace(scored, oof_score=0.995, expected_score=(0.994, 0.996))
    assert expected.result == "score 0.99571, inside the expected range 0.99400 to 0.99600 (OOF 0.99500)"


def test_the_age_counts_from_the_last_event(ledger: Ledger) -> None:
    old = (datetime.now(UTC) - timedelta(seconds=90)).isoformat()
    assert replace(ledger.append(RECORD), updated=old).age == pytest.approx(90, abs=5)


@pytest.mark.parametrize(
    "time",
    ["2999-01-01T00:00:00+00:00", "2026-01-01T00:00:00", "0001-01-01T00:00+14:00", "soon", "", 5, None],
)
def test_a_record_with_an_invalid_time_is_kept_and_counts_as_old(ledger: Ledger, time: object) -> None:
    ledger.append(RECORD)
    ledger.path.write_text(json.dumps(from_line(ledger.path.read_text()) | {"time": time}) + "\n")
    [record] = ledger.records()
    assert record.age > 1e6


def test_a_record_without_a_time_is_kept(ledger: Ledger) -> None:
    ledger.append(RECORD)
    event = from_line(ledger.path.read_text())
    del event["time"]
    ledger.path.write_text(json.dumps(event) + "\n")
    assert [(record.tag, record.begun) for record in ledger.records()] == [("kit-1", "")]


@pytest.mark.parametrize("name", ["file", "competition", "message", "sha256", "error"])
def test_an_event_with_wrong_types_is_ignored(ledger: Ledger, name: str) -> None:
    ledger.append(RECORD)
    event = from_line(ledger.path.read_text())
    with ledger.path.open("a") as file:
        file.write(json.dumps(event | {"tag": "kit-2", name: None}) + "\n")
    assert [record.tag for record in ledger.records()] == ["kit-1"]


def test_the_wait_for_the_lock_is_limited(ledger: Ledger) -> None:
    said: list[str] = []
    with (
        Ledger(ledger.folder).locked(),
        pytest.raises(UserError, match="another kit submit is still running after 0 s"),
        ledger.locked(lambda: said.append("waiting"), patience=0.1),
    ):
        pass
    assert said == ["waiting"]


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_a_file_instead_of_the_folder_is_named(ledger: Ledger, kind: str) -> None:
    if kind == "file":
        ledger.folder.touch()
    else:
        ledger.folder.symlink_to("nowhere")
    with pytest.raises(UserError, match="submissions: not a folder"), ledger.locked():
        pass


def test_sources_are_read_as_written(ledger: Ledger) -> None:
    ledger.append(replace(RECORD, sources={"a": "ab" * 32, "b": "cd" * 32}))
    assert ledger.records()[0].sources == {"a": "ab" * 32, "b": "cd" * 32}
    ledger.append(replace(RECORD, tag="kit-2"))
    assert ledger.records()[1].sources == {}


def test_a_lock_without_an_event_leaves_no_file(workdir: Path) -> None:
    with Ledger().locked(lambda: None) as held:
        assert held
    assert list(workdir.iterdir()) == []


def test_a_lock_leaves_other_files(workdir: Path) -> None:
    (workdir / "submissions").mkdir()
    (workdir / "submissions/mine.csv").touch()
    with Ledger().locked():
        pass
    assert [path.name for path in (workdir / "submissions").iterdir()] == ["mine.csv"]


@pytest.mark.parametrize(
    "change",
    [
        {"expected_score": [0.9]},
        {"expected_score": True},
        {"expected_score": [0.9, None]},
        {"oof_interval": "ab"},
        {"oof_score": "0.9"},
        {"run": 7},
        {"metric": None},
        {"sources": {"a": 1}},
        {"ref": [7]},
        {"message": "\ud800"},
        {"oof_score": float("nan")},
    ],
)
def test_a_field_of_another_type_is_damage(ledger: Ledger, change: dict[str, object]) -> None:
    ledger.append(RECORD)
    event = json.loads(ledger.path.read_bytes()) | {"tag": "kit-2"} | change
    event.pop("check", None)
    with ledger.path.open("a") as file:
        file.write(json.dumps(event) + "\n")
    assert [record.tag for record in ledger.records()] == ["kit-1"]


def test_a_line_of_brackets_is_damage(ledger: Ledger) -> None:
    ledger.append(RECORD)
    with ledger.path.open("a") as file:
        file.write("[" * 100_000 + "\n")
    assert [record.tag for record in ledger.records()] == ["kit-1"]


def test_a_range_without_an_oof_score_is_not_shown() -> None:
    assert replace(RECORD, public_score="0.9", expected_score=(0.8, 1.0)).result == "score 0.9"
