import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kagglesdk.competitions.types import competition_api_service

from tests.kaggle_server import KEY, TOKEN, Fault, KaggleServer, refusal
from tests.workplace import ended, events, kit, start, write_run

ALLOWANCE = (
    "Submission not allowed:  Your team has used its daily Submission allowance (5) today, "
    "please try again tomorrow UTC (5.1 hours from now)."
)

KNOWS_QUOTA = hasattr(competition_api_service, "ApiGetSubmissionLimitsRequest")


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timeout"
        time.sleep(0.05)


def test_a_run_is_checked_sent_scored_and_recorded(kaggle: KaggleServer) -> None:
    run = write_run()
    kaggle.pending = 1
    done = kit("submit")
    assert done.code == 0, done.err
    assert kaggle.count("get") == 2
    assert done.out == "score 0.98500, inside the expected range 0.96500 to 1.00500 (OOF 0.98500)\n"
    assert "200 rows" in done.err
    quota = "5 submissions left today, 0 used; the quota resets at 00:00 UTC"
    assert (quota if KNOWS_QUOTA else "Kaggle did not report the quota") in done.err
    [sent] = kaggle.submissions
    copy = Path(events()[-1]["file"])
    assert sent["content"] == run.submission_path.read_bytes() == copy.read_bytes()
    assert [event["status"] for event in events()] == ["uploading", "sending", "pending", "complete"]
    last = events()[-1]
    assert sent["description"] == f"default-abababab OOF 0.98500 abababab [{last['tag']}]"
    assert last["run"] == "default-abababab"
    assert last["ref"] == sent["ref"]
    assert last["public_score"] == "0.98500"
    assert last["oof_score"] == 0.985
    assert last["oof_interval"] == [0.975, 0.995]
    assert last["file"] == f"submissions/default-abababab-{last['tag']}.csv"
    assert len(last["sha256"]) == 64


def test_an_ensemble_is_sent_and_the_ledger_records_its_sources(
    kaggle: KaggleServer, example: Callable[..., Any]
) -> None:
    for name, seeds in (("a", (0,)), ("b", (1, 2))):
        example(name=name, hash=name * 64, seeds=seeds, test_rows=5, labels=tuple("0123456789")).write()
    assert kit("ensemble", "a", "b", "--method", "mean", "--name", "both").code == 0
    done = kit("submit", "both")
    assert done.code == 0, done.err
    [sent] = kaggle.submissions
    assert sent["content"] == Path("runs/both/submission.csv").read_bytes()
    assert events()[-1]["run"] == "both"
    assert [event["sources"] for event in events()] == [{"a": "a" * 64, "b": "b" * 64}] * len(events())


@pytest.mark.slow
def test_a_token_is_accepted(kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    write_run()
    assert kit("submit").code == 0
    assert {request.headers["Authorization"] for request in kaggle.requests if request.step == "create"} == {
        f"Bearer {TOKEN}"
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "fault", "code", "words"),
    [
        ("limits", refusal(401, "Unauthenticated", flat=True), 2, ["credentials", "https://www.kaggle.com/settings/api"]),
        ("start", refusal(401, "Unauthenticated"), 2, ["credentials", "https://www.kaggle.com/settings/api"]),
        ("limits", refusal(403, "Permission denied"), 2, ["competitions/digit-recognizer/rules"]),
        ("start", Fault("status", 403), 2, ["competitions/digit-recognizer/rules"]),
        ("create", refusal(403, "You must accept this competition's rules"), 2, ["not accepted", "/rules"]),
        ("start", refusal(404, "Not found", flat=True), 2, ["no such competition", "competition.slug"]),
        ("create", refusal(400, ALLOWANCE), 2, ["limit is reached", "5.1 hours", "00:00 UTC"]),
        ("create", refusal(400, ALLOWANCE, flat=True), 2, ["limit is reached"]),
        ("create", refusal(400, "only accepts Submissions from Notebooks"), 2, ["notebooks only"]),
        ("create", refusal(400, "Submissions have been disabled"), 2, ["disabled"]),
        ("create", refusal(400, "Something else"), 1, ["HTTP 400", "Something else"]),
        ("limits", Fault("page"), 1, ["a web page", "log in"]),
        ("start", Fault("page"), 1, ["a web page", "log in"]),
        ("put", Fault("page"), 1, ["a web page", "log in"]),
        ("put", Fault("status", 403), 1, ["the upload was refused (HTTP 403)"]),
        ("create", Fault("json", body={"message": "Could not submit", "ref": 0}), 1, ["Could not submit"]),
        ("get", Fault("page"), 1, ["a web page"]),
        ("get", refusal(401, "Unauthenticated"), 2, ["credentials"]),
    ],
)  # fmt: skip
def test_a_permanent_error_ends_it_at_once(
    kaggle: KaggleServer, step: str, fault: Fault, code: int, words: list[str]
) -> None:
    write_run()
    kaggle.fail(step, fault, always=True)
    done = kit("submit")
    assert done.code == code, done.err
    assert [word for word in words if word not in done.err] == []
    assert "score" not in done.out
    assert len(kaggle.submissions) == (step == "get")
    if step in ("put", "create", "start"):
        assert events()[-1]["status"] == "failed"
    elif step == "get":
        assert events()[-1]["status"] == "pending"
    else:
        assert kaggle.count("start") == 0


def test_after_a_lost_reply_the_one_submission_is_found(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.fail("create", Fault("lost"))
    done = kit("submit")
    assert done.code == 0, done.err
    assert kaggle.count("create") == len(kaggle.submissions) == 1
    assert events()[-1]["ref"] == kaggle.submissions[0]["ref"]


@pytest.mark.slow
def test_after_a_web_page_as_reply_the_submission_is_found(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.fail("create", Fault("lost_page"))
    assert kit("submit").code == 0
    assert len(kaggle.submissions) == 1


@pytest.mark.slow
def test_a_submission_that_kaggle_cannot_score_is_an_error_with_the_reason(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.error = "Submission contains null values"
    done = kit("submit")
    assert done.code == 1
    assert "Submission contains null values" in done.err
    assert events()[-1]["status"] == "error"
    assert events()[-1]["error"] == "Submission contains null values"


@pytest.mark.skipif(not KNOWS_QUOTA, reason="the kagglesdk of Kaggle's image has no request for the quota")
def test_no_quota_left_ends_it_before_the_upload(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.limits_body = {"numToday": 5, "numTotal": 9, "numAllowedNow": 0}
    done = kit("submit")
    assert done.code == 2
    assert "no submissions left today, 5 used" in done.err
    assert "00:00 UTC" in done.err
    assert kaggle.count("start") == 0
    assert not list(Path("submissions").glob("*.csv"))


@pytest.mark.slow
def test_without_a_team_no_quota_is_used(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.limits_body = {"numToday": 0}
    assert kit("submit", "--wait", "0s").code == 0
    assert len(kaggle.submissions) == 1


@pytest.mark.slow
def test_an_unknown_quota_does_not_block_a_submission(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.fail("limits", Fault("status", 404), always=True)
    assert kit("submit", "--wait", "0s").code == 0


@pytest.mark.slow
def test_retry_after_is_respected(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.fail("limits", refusal(429, "Too many requests", Retry_After="2"))
    assert kit("submit", "--wait", "0s").code == 0
    first, second = kaggle.times("limits")
    assert second - first >= 2


@pytest.mark.slow
def test_the_same_content_is_refused_unless_again(kaggle: KaggleServer) -> None:
    write_run()
    assert kit("submit").code == 0
    refused = kit("submit")
    assert refused.code == 2
    assert "--again" in refused.err
    assert "score 0.98500" in refused.err
    assert len(kaggle.submissions) == 1
    assert kit("submit", "--again", "--wait", "0s").code == 0
    assert len(kaggle.submissions) == 2


@pytest.mark.slow
def test_the_number_of_changed_rows_is_shown(kaggle: KaggleServer) -> None:
    write_run()
    assert kit("submit").code == 0
    write_run(wrong=5)
    done = kit("submit", "--dry-run")
    assert "2 of 200 rows (1.00 %) since default-abababab" in done.out
    assert "score 0.98500" in done.out
    assert len(kaggle.submissions) == 1


@pytest.mark.slow
def test_a_file_without_a_run_is_sent_with_its_own_message(kaggle: KaggleServer) -> None:
    Path("other.csv").write_bytes(write_run().submission_path.read_bytes())
    done = kit("submit", "other.csv", "-m", "by hand")
    assert done.out == "score 0.98500\n"
    assert kaggle.submissions[0]["description"] == f"by hand [{events()[-1]['tag']}]"
    assert events()[-1]["run"] is None
    assert events()[-1]["oof_score"] is None
    assert Path(events()[-1]["file"]).name == f"other-{events()[-1]['tag']}.csv"


@pytest.mark.slow
def test_a_file_in_a_run_is_recorded_for_that_run(kaggle: KaggleServer) -> None:
    write_run()
    assert kit("submit", "runs/default-abababab/submission.csv", "--wait", "0s").code == 0
    assert events()[-1]["run"] == "default-abababab"
    assert len(kaggle.submissions) == 1


@pytest.mark.parametrize(
    ("info", "words"),
    [({"sample": True}, "bundled sample"), ({"status": "running"}, "not finished")],
)
def test_a_sample_or_unfinished_run_is_refused(
    kaggle: KaggleServer, info: dict[str, Any], words: str
) -> None:
    write_run(**info)
    done = kit("submit", "default-abababab")
    assert done.code == 2
    assert words in done.err
    assert kit("submit").code == 2
    assert kaggle.requests == []
    assert not Path("submissions").exists()


def test_an_invalid_file_is_refused_with_line_and_column(kaggle: KaggleServer) -> None:
    run = write_run()
    run.submission_path.write_text(run.submission_path.read_text().replace("\n1,1\n", "\n1,10\n"))
    done = kit("submit")
    assert done.code == 2
    assert "submission.csv, line 2, column Label: not a label" in done.err
    assert kaggle.requests == []


@pytest.mark.slow
def test_rows_are_compared_with_the_sample_submission(kaggle: KaggleServer) -> None:
    write_run()
    Path("data").mkdir()
    Path("data/sample_submission.csv").write_text(
        "ImageId,Label\n" + "".join(f"{row},0\n" for row in range(1, 202))
    )
    done = kit("submit", "--dry-run")
    assert done.code == 2
    assert "expected 201 rows, received 200 rows" in done.err
    assert kaggle.requests == []


def test_without_credentials_it_says_where_to_get_them(
    kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_run()
    done = kit("submit")
    assert done.code == 2
    assert "https://www.kaggle.com/settings/api" in done.err
    assert kaggle.requests == []
    assert not (tmp_path / "home").exists()


DRY = """
import sys
def hook(event, args):
    if event.startswith("socket."):
        raise SystemExit(f"{event} in a dry run")
sys.addaudithook(hook)
sys.modules["kaggle"] = sys.modules["kagglesdk"] = None
sys.argv = ["kit", "submit", "--dry-run"]
from kit.cli import main
main()
"""


def test_a_dry_run_opens_no_socket_and_needs_no_credentials(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_run()
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "broken"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "kaggle.json").write_text("{")
    before = sorted(workdir.rglob("*"))
    done = subprocess.run([sys.executable, "-c", DRY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "200 rows" in done.stdout
    assert "0: 19  1: 20  2: 20  3: 21  4: 20" in done.stdout
    assert "nothing was sent" in done.stdout
    assert sorted(workdir.rglob("*")) == before
    assert "kaggle.json: not readable as JSON" in kit("submit").err


@pytest.mark.slow
def test_killed_while_polling_the_next_submissions_fetches_the_score(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.pending = 1000
    process = start("submit")
    wait_until(lambda: kaggle.count("get"))
    process.kill()
    process.communicate()
    kaggle.pending = 0
    done = kit("submissions", "--json")
    assert json.loads(done.out)[0]["public_score"] == "0.98500"
    assert events()[-1]["status"] == "complete"
    assert len(kaggle.submissions) == 1


def test_killed_while_polling_the_next_submit_resumes_waiting(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.pending = 1000
    process = start("submit")
    wait_until(lambda: kaggle.count("get"))
    process.kill()
    process.communicate()
    kaggle.pending = 0
    done = kit("submit")
    assert done.code == 0, done.err
    assert done.out.startswith("score 0.98500")
    assert "not sent again" in done.err
    assert kaggle.count("create") == 1


@pytest.mark.parametrize("command", ["submissions", "submit"])
def test_killed_before_the_reply_the_submission_is_found(kaggle: KaggleServer, command: str) -> None:
    write_run()
    kaggle.fail("create", Fault("lost_stall"))
    process = start("submit")
    wait_until(lambda: kaggle.submissions)
    process.kill()
    process.communicate()
    assert events()[-1]["status"] == "sending"
    done = kit(command)
    assert done.code == 0, done.err
    assert kaggle.count("create") == len(kaggle.submissions) == 1
    assert events()[-1]["ref"] == kaggle.submissions[0]["ref"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["submissions", "submit"])
def test_killed_while_uploading_nothing_was_sent(kaggle: KaggleServer, command: str) -> None:
    write_run()
    kaggle.fail("put", Fault("stall"))
    process = start("submit")
    wait_until(lambda: kaggle.count("put"))
    process.kill()
    process.communicate()
    assert kit(command).code == 0
    statuses = [event["status"] for event in events()]
    assert statuses[:2] == ["uploading", "failed"]
    assert len(kaggle.submissions) == (command == "submit")


@pytest.mark.slow
def test_a_worker_ends_with_the_kit_that_started_it(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.fail("limits", Fault("stall"))
    process = start("submit")
    wait_until(lambda: kaggle.count("limits"))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.communicate()
    assert children
    wait_until(lambda: not any(Path(f"/proc/{child}/environ").exists() for child in children), 5)


@pytest.mark.slow
def test_two_concurrent_calls_send_once(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.fail("put", Fault("late", seconds=6))
    both = [start("submit", "--wait", "0s") for _ in range(2)]
    done = [ended(process) for process in both]
    assert len(kaggle.submissions) == 1
    assert [one.code for one in done] == [0, 0]
    assert "waiting for another kit submit" in done[0].err + done[1].err


@pytest.mark.slow
def test_an_interrupt_while_polling_loses_nothing(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.pending = 1000
    process = start("submit")
    wait_until(lambda: kaggle.count("get"))
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.code == 130
    assert "submission 1001 was sent" in done.err
    assert "kit submissions" in done.err
    assert events()[-1]["ref"] == 1001


@pytest.mark.slow
def test_a_score_that_is_late_is_a_failure(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.pending = 1000
    done = kit("submit", "--wait", "2s")
    assert done.code == 1
    assert "submission 1001 was sent" in done.err
    assert done.out == ""


def test_debug_and_verbose_show_no_secret(kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERBOSE", "1")
    write_run()
    leaky = f"failed for {KEY} Authorization: Basic abc at https://storage.test/x?Signature=planted-signature-0123456789"
    kaggle.fail("create", refusal(400, leaky))
    done = kit("submit", "--debug")
    assert done.code == 1
    assert "failed for ***" in done.err
    assert "Traceback" in done.err


def test_a_timeout_of_zero_is_refused(kaggle: KaggleServer) -> None:
    write_run()
    assert kit("submit", "--timeout", "0s").code == 2
    assert kaggle.requests == []
