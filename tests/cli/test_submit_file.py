"""`kit submit FILE.csv`: checks of the rows, and the safety of the user's files."""

import gzip
import hashlib
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.data import layout
from tests.kaggle_server import Fault, KaggleServer
from tests.workplace import ended, events, kit, start, write_run

ROWS = 200
WHOLE = [f"{row},{row % 10}" for row in range(1, ROWS + 1)]


def write(name: str, rows: list[str]) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("\n".join(["ImageId,Label", *rows]) + "\n")


@pytest.fixture
def data(workdir: Path, write_competition: Callable[..., None]) -> Path:
    """Return a data directory whose test.csv has 200 rows."""
    write_competition(workdir / "data", test_rows=ROWS)
    return workdir / "data"


def only_test(data: Path) -> None:
    (data / "sample_submission.csv").unlink()


def only_sample(data: Path) -> None:
    for name in ("train.csv", "test.csv"):
        (data / name).unlink()


def gzipped_sample(data: Path) -> None:
    only_sample(data)
    sample = data / "sample_submission.csv"
    (data / "sample_submission.csv.gz").write_bytes(gzip.compress(sample.read_bytes()))
    sample.unlink()


def zipped_sample(data: Path) -> None:
    only_sample(data)
    with zipfile.ZipFile(data / "sample_submission.csv.zip", "w") as archive:
        archive.write(data / "sample_submission.csv", "sample_submission.csv")
    (data / "sample_submission.csv").unlink()


def gzipped_test(data: Path) -> None:
    only_test(data)
    (data / "train.csv").unlink()
    (data / "test.csv.gz").write_bytes(gzip.compress((data / "test.csv").read_bytes()))
    (data / "test.csv").unlink()


@pytest.mark.parametrize("left", [only_test, only_sample, gzipped_sample, zipped_sample, gzipped_test])
def test_a_missing_row_is_found_from_either_file(data: Path, left: Callable[[Path], None]) -> None:
    left(data)
    write("short.csv", WHOLE[:-1])
    done = kit("submit", "short.csv", "--dry-run")
    assert done.code == 2
    assert (
        "kit: short.csv, line 200: id 200 is missing\nexpected 200 rows, received 199 rows\n"
        "the ids are those of data/" in done.err
    )
    write("whole.csv", WHOLE)
    done = kit("submit", "whole.csv", "--dry-run")
    assert (done.code, "was not checked" in done.out) == (0, False)


def test_the_input_folder_of_a_notebook_is_used(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from kit.cli.submit import command

    inputs = data.parent / "input"
    inputs.mkdir()
    data.rename(inputs / "digit-recognizer")
    monkeypatch.setattr(layout, "KAGGLE_INPUTS", (inputs,))
    write("short.csv", WHOLE[:-1])
    result = CliRunner().invoke(command, ["short.csv", "--dry-run"])
    assert "id 200 is missing" in str(result.exception)


def test_without_data_the_output_names_the_skipped_check(workdir: Path) -> None:
    assert workdir.is_dir()
    write("short.csv", WHOLE[:-1])
    done = kit("submit", "short.csv", "--dry-run")
    assert done.code == 0
    assert (
        "warning:     the number of rows was not checked: no sample_submission.csv or test.csv in data/"
        in done.out
    )


def test_a_damaged_test_csv_is_named(data: Path) -> None:
    only_test(data)
    (data / "test.csv").write_text("pixel0,pixel1\n1,2\n")
    write("whole.csv", WHOLE)
    done = kit("submit", "whole.csv", "--dry-run")
    assert done.code == 2
    assert done.err.startswith("kit: data/test.csv, line 1: ")


def test_a_named_but_missing_directory_is_an_error(workdir: Path) -> None:
    (workdir / "mine.yaml").write_text("extends: default\ndata:\n  directory: none\n")
    write("whole.csv", WHOLE)
    done = kit("submit", "whole.csv", "-c", "mine.yaml", "--dry-run")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("kit: none: there is no such folder")


def test_a_run_is_sent_even_if_the_data_is_damaged(data: Path, kaggle: KaggleServer) -> None:
    write_run()
    (data / "sample_submission.csv").write_text("id,digit\n1,0\n")
    done = kit("submit")
    assert done.code == 0, done.err
    assert "the test rows of run default-abababab alone: data/sample_submission.csv, line 1" in done.err
    assert len(kaggle.submissions) == 1


def test_rows_in_another_order_are_sent_unchanged(data: Path, kaggle: KaggleServer) -> None:
    assert data.is_dir()
    write("turned.csv", WHOLE[::-1])
    assert kit("submit", "turned.csv").code == 0
    assert kaggle.submissions[0]["content"] == Path("turned.csv").read_bytes()


def test_a_constant_class_and_the_sample_itself_give_a_warning(data: Path) -> None:
    write("seven.csv", [f"{row},7" for row in range(1, ROWS + 1)])
    assert (
        "warning:     seven.csv predicts class 7 for every row" in kit("submit", "seven.csv", "--dry-run").out
    )
    done = kit("submit", str(data / "sample_submission.csv"), "--dry-run")
    assert done.code == 0
    assert "is the same as the competition's sample submission" in done.out
    write("whole.csv", WHOLE)
    assert "warning" not in kit("submit", "whole.csv", "--dry-run").out


def test_a_user_file_is_never_overwritten(kaggle: KaggleServer) -> None:
    write("submissions/best.csv", [f"{row},7" for row in range(1, ROWS + 1)])
    mine = Path("submissions/best.csv").read_bytes()
    write("out/best.csv", WHOLE)
    assert kit("submit", "out/best.csv").code == 0
    assert Path("submissions/best.csv").read_bytes() == mine
    assert kaggle.submissions[0]["content"] == Path("out/best.csv").read_bytes()
    copy = Path(events()[-1]["file"])
    assert copy.read_bytes() == Path("out/best.csv").read_bytes()
    assert copy != Path("submissions/best.csv")


def test_each_submission_keeps_its_own_copy(kaggle: KaggleServer) -> None:
    for folder, label in (("one", 1), ("two", 2)):
        write(f"{folder}/submission.csv", [f"{row},{label}" for row in range(1, ROWS + 1)])
        assert kit("submit", f"{folder}/submission.csv").code == 0
    copies = {event["tag"]: event["file"] for event in events()}
    assert len(set(copies.values())) == len(kaggle.submissions) == 2
    for event in events():
        content = Path(event["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == event["sha256"]


def test_user_files_in_submissions_stay(kaggle: KaggleServer) -> None:
    Path("submissions/whole.csv").mkdir(parents=True)
    Path("mine.csv").write_text("mine")
    Path("submissions/other.csv").symlink_to("../mine.csv")
    for label, name in enumerate(("whole.csv", "other.csv")):
        write(name, [*WHOLE[:-1], f"200,{label}"])
        assert kit("submit", name).code == 0
    assert Path("submissions/whole.csv").is_dir()
    assert Path("mine.csv").read_text() == "mine"
    assert len(kaggle.submissions) == 2


@pytest.mark.slow
def test_two_files_with_the_same_name_sent_at_once_keep_separate_copies(kaggle: KaggleServer) -> None:
    for folder, label in (("one", 1), ("two", 2)):
        write(f"{folder}/submission.csv", [f"{row},{label}" for row in range(1, ROWS + 1)])
    both = [start("submit", f"{folder}/submission.csv", "--wait", "0s") for folder in ("one", "two")]
    assert [ended(process).code for process in both] == [0, 0]
    for event in events():
        assert hashlib.sha256(Path(event["file"]).read_bytes()).hexdigest() == event["sha256"]
    assert len(kaggle.submissions) == 2


def test_an_interrupted_upload_loses_no_copy_and_no_submission(kaggle: KaggleServer) -> None:
    write("best.csv", WHOLE)
    kaggle.fail("put", Fault("stall"))
    process = start("submit", "best.csv")
    while not kaggle.count("put"):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert kit("submit", "best.csv").code == 0
    copies = sorted({event["file"] for event in events()})
    assert len(copies) == 2
    assert {Path(copy).read_bytes() for copy in copies} == {Path("best.csv").read_bytes()}
    assert len(kaggle.submissions) == 1


def test_a_file_in_submissions_is_sent_and_stays(kaggle: KaggleServer) -> None:
    write("submissions/best.csv", WHOLE)
    before = Path("submissions/best.csv").read_bytes()
    assert kit("submit", "submissions/best.csv").code == 0
    assert Path("submissions/best.csv").read_bytes() == before
    assert kaggle.submissions[0]["content"] == before


def test_the_copies_of_a_run_have_different_names(kaggle: KaggleServer) -> None:
    write_run()
    assert kit("submit").code == 0
    assert kit("submit", "--again").code == 0
    assert len({event["file"] for event in events()}) == len(kaggle.submissions) == 2


@pytest.mark.parametrize("command", ["submit", "submissions"])
def test_an_event_with_a_future_time_is_looked_up_once(kaggle: KaggleServer, command: str) -> None:
    write_run()
    Path("submissions").mkdir()
    Path("submissions/ledger.jsonl").write_text(
        '{"time": "2999-01-01T00:00:00.000+00:00", "tag": "kit-000000000000", "status": "sending", '
        '"competition": "digit-recognizer", "run": "old", "file": "submissions/old.csv", "sha256": "00", '
        '"message": "old"}\n'
    )
    done = kit(command)
    assert done.code == 0, done.err
    assert kaggle.count("list") <= 2
    assert (
        next(event["status"] for event in reversed(events()) if event["tag"] == "kit-000000000000")
        == "failed"
    )
