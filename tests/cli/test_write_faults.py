"""Every call that writes fails in turn: the message, what is left behind, and the next command."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from kit.studies import StudyFolder
from tests.injection import (
    COMPILER,
    REMOVALS,
    Call,
    Done,
    Fault,
    Injector,
    contents,
    faults,
    injecting,
    message,
    strays,
)
from tests.kaggle_server import KaggleServer
from tests.workplace import events, write_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not COMPILER, reason="needs a C compiler"),
]
CONFIG = """
competition: {image_shape: [6, 6]}
folds: {count: 2}
models: {knn: {kind: knn, neighbours: 3}}
tune: {space: {models.knn.neighbours: {kind: int, low: 1, high: 6}}}
"""
CV = ("cv", "-c", "mine.yaml", "--run", "mine", "--jobs", "1")
TUNE = ("tune", "-c", "mine.yaml", "--study", "mine", "--trials", "2", "--jobs", "1")
FETCH = ("data", "fetch", "-c", "mine.yaml", "--source", "source.zip")


@pytest.fixture
def injector(tmp_path: Path) -> Iterator[Injector]:
    with injecting(tmp_path) as made:
        yield made


@pytest.fixture
def template(tmp_path: Path, write_competition: Callable[..., None]) -> Path:
    """Return a folder with a competition and a configuration: what each command starts from."""
    folder = tmp_path / "template"
    write_competition(folder / "data", side=6)
    (folder / "mine.yaml").write_text(CONFIG)
    return folder


def check_explained(done: Done, fault: Fault, folder: Path) -> None:
    """Check the message of a failed command: the reason, and a file that is not a temporary one."""
    text = message(done)
    assert os.strerror(fault.error) in text or "storage" in text, text
    places = ("runs", "data", "submissions", "tmp", str(folder))
    assert any(place in text for place in places), text
    assert "/." not in text.replace("data/.cache", ""), text


def is_removal(calls: Sequence[Call]) -> bool:
    """Return whether a failed call was to remove something: then that file is left."""
    return any(call.name in REMOVALS for call in calls)


def check_commands(
    injector: Injector,
    template: Path,
    arguments: Sequence[str],
    results: Sequence[str],
    *,
    every: int,
    unchanged: str = "data",
) -> None:
    """Fail calls of a command in turn; check what it says and leaves, and that it succeeds afterwards.

    Args:
        injector: runs the command.
        template: folder that it starts from.
        arguments: of `kit`.
        results: files that an undisturbed command and a repeated one write with the same bytes.
        every: distance of the calls that fail; see `faults`.
        unchanged: folder that a failed command leaves as it was.
    """
    injector.restore(template)
    undisturbed = injector.run(*arguments)
    assert undisturbed.code == 0, undisturbed.err
    expected = {name: (injector.folder / name).read_bytes() for name in results}
    for fault in faults(len(undisturbed.calls), every=every, first=every):
        injector.restore(template)
        done = injector.run(*arguments, fault=fault)
        case = str(fault), done.calls[fault.at - 1 : fault.at], done.err
        if done.code:
            check_explained(done, fault, injector.folder)
            assert contents(template / unchanged) == contents(injector.folder / unchanged), case
            assert is_removal(case[1]) or not strays(injector.folder), case
            done = injector.run(*arguments)
        assert done.code == 0, (case, done.err)
        assert {name: (injector.folder / name).read_bytes() for name in results} == expected, case


def test_cv(injector: Injector, template: Path) -> None:
    results = ("oof.csv", "submission.csv", "test.csv", "folds.npy", "members/knn-f0-s0.npz")
    check_commands(injector, template, CV, [f"runs/mine/{name}" for name in results], every=10)


def test_tune(injector: Injector, template: Path) -> None:
    injector.restore(template)
    undisturbed = injector.run(*TUNE)
    assert undisturbed.code == 0, undisturbed.err
    for fault in faults(len(undisturbed.calls), every=250, first=180):
        injector.restore(template)
        done = injector.run(*TUNE, fault=fault)
        case = str(fault), done.calls[fault.at - 1 : fault.at], done.err
        if done.code:
            check_explained(done, fault, injector.folder)
            done = injector.run(*TUNE)
        assert done.code == 0, (case, done.err)
        assert is_removal(case[1]) or not strays(injector.folder), case
        report = StudyFolder(injector.folder / "runs/tune-mine").read_report()
        assert (report.status, report.trials.complete + report.trials.pruned) == ("complete", 2), case


def test_fetch_from_a_zip(injector: Injector, template: Path) -> None:
    shutil.make_archive(str(template / "source"), "zip", template / "data")
    shutil.rmtree(template / "data")
    names = ("train.csv", "test.csv", "sample_submission.csv")
    check_commands(injector, template, FETCH, [f"data/{name}" for name in names], every=2)


def test_fetch_that_replaces_files(injector: Injector, template: Path) -> None:
    shutil.make_archive(str(template / "source"), "zip", template / "data")
    (template / "data/test.csv").write_text("old\n")
    names = ("train.csv", "test.csv", "sample_submission.csv")
    check_commands(injector, template, (*FETCH, "--force"), [f"data/{name}" for name in names], every=2)


def test_fetch_from_kaggle(injector: Injector, template: Path, kaggle: KaggleServer) -> None:
    kaggle.files = {path.name: path.read_bytes() for path in (template / "data").iterdir()}
    shutil.rmtree(template / "data")
    injector.environment |= kaggle.environment()
    names = ("train.csv", "test.csv", "sample_submission.csv")
    arguments = (*FETCH[:-1], "kaggle")
    check_commands(injector, template, arguments, [f"data/{name}" for name in names], every=12)


def test_submit_sends_nothing_twice(injector: Injector, template: Path, kaggle: KaggleServer) -> None:
    shutil.rmtree(template / "data")
    write_run(folder=template)
    injector.environment |= kaggle.environment()
    injector.restore(template)
    undisturbed = injector.run("submit")
    assert undisturbed.code == 0, undisturbed.err
    for fault in faults(len(undisturbed.calls), every=8, first=4):
        kaggle.submissions.clear()
        injector.restore(template)
        done = injector.run("submit", fault=fault)
        case = str(fault), done.calls[fault.at - 1 : fault.at], done.err
        if done.code:
            check_explained(done, fault, injector.folder)
            assert is_removal(case[1]) or not strays(injector.folder), case
            done = injector.run("submit")
        # The first call may have failed only after it had sent the file and recorded that.
        assert done.code == 0 or "the same content was submitted" in done.err, (case, done.err)
        assert len(kaggle.submissions) == 1, case
        assert events(injector.folder)[-1]["public_score"] == "0.98500", case
        copies = {
            str(path.relative_to(injector.folder)): path.read_bytes()
            for path in (injector.folder / "submissions").glob("*.csv")
        }
        # A copy whose upload failed is kept with its event.
        assert copies.keys() <= {event["file"] for event in events(injector.folder)}, case
        assert set(copies.values()) == {kaggle.submissions[0]["content"]}, case
