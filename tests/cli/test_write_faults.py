"""Every call that writes fails in turn: the message, what is left behind, and the next command."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.injection import (
    COMPILER,
    REMOVALS,
    Done,
    Fault,
    Injector,
    contents,
    faults,
    injecting,
    message,
    strays,
)

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


def test_cv(injector: Injector, template: Path) -> None:
    injector.restore(template)
    undisturbed = injector.run(*CV)
    assert undisturbed.code == 0, undisturbed.err
    results = ("oof.csv", "submission.csv", "test.csv", "folds.npy", "members/knn-f0-s0.npz")
    expected = {name: (injector.folder / "runs/mine" / name).read_bytes() for name in results}
    for fault in faults(len(undisturbed.calls)):
        injector.restore(template)
        done = injector.run(*CV, fault=fault)
        failed = done.calls[fault.at - 1] if fault.at <= len(done.calls) else None
        if done.code:
            check_explained(done, fault, injector.folder)
            if failed and failed.name not in REMOVALS:
                assert not strays(injector.folder), (str(fault), failed)
            done = injector.run(*CV)
        assert done.code == 0, (str(fault), failed, done.err)
        found = {name: (injector.folder / "runs/mine" / name).read_bytes() for name in results}
        assert found == expected, (str(fault), failed)
        assert contents(template / "data") == contents(injector.folder / "data")
