"""The wrapper with the real client against a loopback server; delays are recorded, not slept."""

import zipfile
from pathlib import Path

import pytest

from kit import kaggle_client
from kit.errors import KitError
from kit.kaggle_client import UnknownOutcomeError, attempts
from tests.kaggle_server import Fault, KaggleServer, refusal

SLUG = "digit-recognizer"


@pytest.fixture(autouse=True)
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(attempts, "pause", seconds.append)
    return seconds


def download(folder: Path, timeout: float = 10) -> Path:
    folder.mkdir(exist_ok=True)
    return kaggle_client.download(SLUG, folder, timeout=timeout)


def token(kaggle: KaggleServer, tmp_path: Path) -> str:
    file = tmp_path / "submission.csv"
    file.write_text("ImageId,Label\n1,3\n")
    kaggle.labels = {1: 3}
    return kaggle_client.upload(SLUG, file, timeout=10)


def test_download_is_one_complete_zip(kaggle: KaggleServer, tmp_path: Path) -> None:
    kaggle.files = {"train.csv": b"label\n1\n", "test.csv": b"pixel0\n0\n"}
    archive = download(tmp_path / "in")
    assert archive == tmp_path / "in" / "digit-recognizer.zip"
    assert zipfile.ZipFile(archive).read("train.csv") == b"label\n1\n"
    assert list((tmp_path / "in").iterdir()) == [archive]


def test_interrupted_download_resumes(kaggle: KaggleServer, tmp_path: Path) -> None:
    kaggle.files = {"train.csv": bytes(range(256)) * 2000}
    kaggle.fail("file", Fault("cut"))
    archive = download(tmp_path / "in")
    assert zipfile.ZipFile(archive).testzip() is None
    ranges = [request.headers.get("Range") for request in kaggle.requests if request.step == "file"]
    assert ranges[:2] == [None, None]
    assert len(ranges) == 3
    assert ranges[2] is not None


@pytest.mark.parametrize(
    ("step", "fault", "message"),
    [
        ("data", Fault("page"), "a web page"),
        ("file", Fault("page"), "a web page"),
        ("data", refusal(403, "no"), "rules"),
        ("data", refusal(404, "no", flat=True), "no such competition"),
        ("data", refusal(401, "no"), "credentials"),
        ("file", Fault("status", 403), "HTTP 403"),
        pytest.param("file", Fault("cut"), r"tried 6 times", marks=pytest.mark.slow),
        pytest.param("data", Fault("status", 503), r"HTTP 503 \(tried 6 times\)", marks=pytest.mark.slow),
    ],
)
def test_failed_download_leaves_no_file(
    kaggle: KaggleServer, tmp_path: Path, step: str, fault: Fault, message: str
) -> None:
    # Without validators (ETag, Last-Modified) the client cannot resume.
    kaggle.validators = False
    kaggle.files = {"train.csv": bytes(range(256)) * 2000}
    kaggle.fail(step, fault, always=True)
    with pytest.raises(KitError, match=message):
        download(tmp_path / "in")
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.slow
def test_endless_download_ends_at_the_timeout(kaggle: KaggleServer, tmp_path: Path) -> None:
    kaggle.fail("file", Fault("drip"), always=True)
    with pytest.raises(KitError, match=r"did not answer within 0.5 s \(tried 6 times\)"):
        download(tmp_path / "in", timeout=0.5)
    assert list((tmp_path / "in").iterdir()) == []


def test_received_submission_is_not_resent(kaggle: KaggleServer, tmp_path: Path, delays: list[float]) -> None:
    blob = token(kaggle, tmp_path)
    kaggle.fail("create", Fault("lost"))
    assert kaggle_client.create(SLUG, blob, "x [kit-1]", "kit-1", timeout=10) == 1001
    assert len(kaggle.submissions) == 1
    assert delays == [1]


def test_submission_is_resent_after_four_unsuccessful_searches(
    kaggle: KaggleServer, tmp_path: Path, delays: list[float]
) -> None:
    blob = token(kaggle, tmp_path)
    kaggle.fail("create", Fault("reset"))
    assert kaggle_client.create(SLUG, blob, "x [kit-1]", "kit-1", timeout=10) == 1001
    assert delays == [1, 2, 4, 8]
    assert kaggle.count("list") == 4
    assert kaggle.count("create") == 2


@pytest.mark.slow
def test_error_status_needs_only_one_search(
    kaggle: KaggleServer, tmp_path: Path, delays: list[float]
) -> None:
    blob = token(kaggle, tmp_path)
    kaggle.fail("create", Fault("status", 500), Fault("status", 503))
    assert kaggle_client.create(SLUG, blob, "x [kit-1]", "kit-1", timeout=10) == 1001
    assert delays == [1, 2]
    assert kaggle.count("list") == 2


def test_nothing_is_resent_if_the_search_fails(kaggle: KaggleServer, tmp_path: Path) -> None:
    blob = token(kaggle, tmp_path)
    kaggle.fail("create", Fault("reset"))
    kaggle.fail("list", refusal(401, "no"), always=True)
    with pytest.raises(UnknownOutcomeError, match="whether the submission arrived"):
        kaggle_client.create(SLUG, blob, "x [kit-1]", "kit-1", timeout=10)
    assert kaggle.count("create") == 1


@pytest.mark.slow
def test_a_different_tag_is_a_different_submission(kaggle: KaggleServer, tmp_path: Path) -> None:
    blob = token(kaggle, tmp_path)
    kaggle_client.create(SLUG, blob, "x [kit-1]", "kit-1", timeout=10)
    kaggle.fail("create", Fault("status", 500))
    assert kaggle_client.create(SLUG, blob, "x [kit-2]", "kit-2", timeout=10) == 1002


@pytest.mark.slow
def test_all_pages_are_listed(kaggle: KaggleServer, tmp_path: Path) -> None:
    blob = token(kaggle, tmp_path)
    kaggle.page_size = 2
    for number in range(5):
        kaggle.answer("create", {"blobFileTokens": blob, "submissionDescription": f"[kit-{number}]"})
    found = list(kaggle_client.submissions(SLUG, timeout=10))
    assert [submission.description for submission in found] == [
        f"[kit-{number}]" for number in (4, 3, 2, 1, 0)
    ]
    assert kaggle.count("list") == 3


def test_score_is_the_string_of_kaggle(kaggle: KaggleServer, tmp_path: Path) -> None:
    blob = token(kaggle, tmp_path)
    ref = kaggle_client.create(SLUG, blob, "x [kit-1]", "kit-1", timeout=10)
    found = kaggle_client.get(SLUG, ref, timeout=10, within=10)
    assert (found.status, found.public_score, found.private_score) == ("complete", "1.00000", "")
