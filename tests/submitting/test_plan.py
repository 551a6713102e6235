from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.config import load
from kit.errors import UserError
from kit.submitting.ledger import Ledger
from kit.submitting.plan import Plan, describe, make_plan
from tests.workplace import write_run

pytestmark = pytest.mark.usefixtures("workdir")


def plan(target: str | None = None, message: str | None = None) -> Plan:
    return make_plan(target, load("default"), message, Ledger())


def test_the_newest_finished_run_on_competition_data_is_the_default() -> None:
    write_run("old")
    write_run("new", started="2026-02-01T00:00:00+00:00")
    write_run("sample", started="2026-03-01T00:00:00+00:00", sample=True)
    write_run("unfinished", started="2026-03-01T00:00:00+00:00", status="running")
    made = plan()
    assert made.record.run == "new"
    assert made.record.file == f"submissions/new-{made.record.tag}.csv"
    assert made.record.message == "new OOF 0.98500 abababab"
    assert made.record.expected_score == (0.965, 1.005)


def test_the_competition_is_that_of_the_run() -> None:
    config = load("default", ["competition.slug=other"]).model_dump(mode="json")
    write_run("a", config=config)
    assert plan("a").record.competition == "other"
    assert plan("runs/a/submission.csv").record.competition == "other"


def test_tags_are_unique_and_part_of_the_description() -> None:
    write_run("a")
    first, second = plan(), plan()
    assert first.record.tag != second.record.tag
    assert first.description == f"a OOF 0.98500 abababab [{first.record.tag}]"


def test_a_message_is_one_line_of_limited_length() -> None:
    write_run("a")
    assert plan(message=" two\nlines ").record.message == "two lines"
    with pytest.raises(UserError, match="at most 400 letters"):
        plan(message="x" * 401)


def test_rows_are_those_of_the_runs_test_data() -> None:
    write_run("a", test_rows=201)
    with pytest.raises(UserError, match="expected 201 rows, received 200 rows"):
        plan()


@pytest.mark.parametrize("target", ["none", "none.csv", "runs/none/submission.csv"])
def test_a_missing_target_is_named(target: str) -> None:
    write_run("a")
    with pytest.raises(UserError, match="none"):
        plan(target)


def test_an_unfinished_run_names_the_command_that_resumes_it() -> None:
    write_run("a", status="failed", origin={"command": "kit cv -c quick"})
    with pytest.raises(UserError) as caught:
        plan("a")
    assert str(caught.value) == (
        "runs/a: this run is not finished\nrerun the command that started it to resume: kit cv -c quick"
    )


def test_a_damaged_run_is_named() -> None:
    run = write_run("a")
    run.report_path.write_text('{"version": 2}')
    with pytest.raises(UserError, match=r"runs/a/report\.json: damaged: run: field required"):
        plan()


def test_the_description_says_what_will_be_sent() -> None:
    write_run("a")
    lines = describe(plan(), Ledger())
    assert [line.split(":")[0] for line in lines] == [
        "competition",
        "file",
        "classes",
        "OOF score",
        "changed",
        "message",
    ]
    assert "200 rows" in lines[1]
    assert lines[2].endswith("0: 19  1: 20  2: 20  3: 21  4: 20  5: 20  6: 20  7: 20  8: 20  9: 20")
    assert lines[3].endswith("0.98500 (0.97500 to 0.99500); expected 0.96500 to 1.00500")
    assert lines[4].endswith("this is the first submission from here")


def test_changes_count_from_the_copy_of_the_last_submission() -> None:
    write_run("a")
    first = plan()
    Path("submissions").mkdir()
    copy = Path(first.record.file)
    copy.write_bytes(first.checked.content)
    ledger = Ledger()
    sent = ledger.append(replace(first.record, status="complete", public_score="0.98"))
    ledger.append(replace(first.record, tag="kit-2", status="failed"))
    write_run("a", wrong=5)
    assert f"2 of 200 rows (1.00 %) since a of {sent.begun[:10]}, score 0.98" in describe(plan(), ledger)[4]
    copy.write_text("ImageId,Label\n1,3\n")
    assert "another file now" in describe(plan(), ledger)[4]
    copy.unlink()
    assert "its copy is missing" in describe(plan(), ledger)[4]


def test_changes_are_counted_by_id() -> None:
    run = write_run("a")
    first, ledger = plan(), Ledger()
    Path("submissions").mkdir()
    Path(first.record.file).write_bytes(first.checked.content)
    ledger.append(replace(first.record, status="complete"))
    header, *rows = run.submission_path.read_text().splitlines()
    Path("other.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert "0 of 200 rows" in describe(plan("other.csv"), ledger)[4]


def test_the_copy_of_an_old_ledger_is_found() -> None:
    write_run("a")
    first, ledger = plan(), Ledger()
    Path("submissions").mkdir()
    Path("submissions/a.csv").write_bytes(first.checked.content)
    ledger.append(replace(first.record, status="complete", file="submissions/a.csv"))
    assert "0 of 200 rows (0.00 %) since a" in describe(plan(), ledger)[4]


@pytest.mark.parametrize("stem", ["x" * 240, "数" * 80, "\U00020000" * 60])
def test_the_name_of_a_copy_has_at_most_255_bytes(stem: str) -> None:
    Path(f"{stem}.csv").write_bytes(write_run("a").submission_path.read_bytes())
    made = plan(f"{stem}.csv")
    with Path("plain").open("wb") as file:
        file.write(made.checked.content)
    Path("submissions").mkdir()
    Path("plain").rename(Path(made.record.file).with_name(f".{Path(made.record.file).name}.12345678"))


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("two\nlines.csv", "two_lines"),
        ("a:b?c*.csv", "a_b_c_"),
        ("\udcff.csv", "_"),
        ("-.csv", "submission"),
        (".hidden.csv", "hidden"),
        ("best-kit-0123456789ab.csv", "best"),
    ],
)
def test_the_name_of_a_copy_has_plain_characters(name: str, stem: str) -> None:
    Path(name).write_bytes(write_run("a").submission_path.read_bytes())
    made = plan(f"./{name}")
    assert made.record.file == f"submissions/{stem}-{made.record.tag}.csv"
    assert made.record.name == f"{stem}.csv"
    made.description.encode()


def test_circular_links_are_not_a_file() -> None:
    Path("loop.csv").symlink_to("loop.csv")
    with pytest.raises(UserError, match=r"loop.csv: not readable"):
        plan("loop.csv")


def test_changes_are_not_counted_if_ids_or_columns_differ() -> None:
    write_run("a")
    ledger, content = Ledger(), b"ImageId,Label\n7,3\n"
    Path("old.csv").write_bytes(content)
    old = replace(plan().record, status="complete", file="old.csv", sha256=sha256(content).hexdigest())
    ledger.append(old)
    assert "it has other ids" in describe(plan(), ledger)[4]
    Path("old.csv").write_bytes(b"id,digit\n7,3\n")
    ledger.append(replace(old, sha256=sha256(b"id,digit\n7,3\n").hexdigest()))
    assert "it has other columns" in describe(plan(), ledger)[4]


def test_sources_of_an_ensemble_are_named_and_recorded() -> None:
    source = {"content": "", "files": "", "seeds": (0,), "members": 2, "tta": False}
    sources = [{**source, "name": name, "path": f"runs/{name}", "hash": name * 64} for name in "ab"]
    write_run("both", sources=sources)
    made = plan("both")
    assert made.record.sources == {"a": "a" * 64, "b": "b" * 64}
    lines = describe(made, Ledger())
    assert "sources:     a (aaaaaaaa), b (bbbbbbbb)" in lines
    assert lines[-1] == "warning:     its source run b is not there any more: runs/b"
    assert plan("runs/both/submission.csv").record.sources == made.record.sources


def test_an_edited_submission_of_a_run_is_named() -> None:
    run = write_run("a")
    run.start_sums()
    assert plan().warnings == ()
    text = run.submission_path.read_text()
    first, last = text[:-2], text[-2]
    run.submission_path.write_text(f"{first}{'1' if last == '0' else '0'}\n")
    assert plan().warnings == (
        "runs/a/submission.csv was edited or damaged after its run wrote it: "
        "its checksum differs from the one in SHA256SUMS",
    )
