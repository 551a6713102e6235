"""A damaged study.db: every command names the file, or continues."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.injection import COMPILER, Done, Injector, injecting, message

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not COMPILER, reason="needs a C compiler")]
CONFIG = """
competition: {image_shape: [6, 6]}
folds: {count: 2}
models: {knn: {kind: knn, neighbours: 3}}
tune: {space: {models.knn.neighbours: {kind: int, low: 1, high: 6}}}
"""
TUNE = ("tune", "-c", "mine.yaml", "--study", "mine", "--trials", "2", "--jobs", "1")
SEED = 1
DATABASE = "runs/tune-mine/study.db"


@pytest.fixture
def injector(tmp_path: Path) -> Iterator[Injector]:
    with injecting(tmp_path) as made:
        yield made


@pytest.fixture
def template(tmp_path: Path, injector: Injector, write_competition: Callable[..., None]) -> Path:
    """Return a folder with a finished study."""
    folder = tmp_path / "template"
    write_competition(folder / "data", side=6)
    (folder / "mine.yaml").write_text(CONFIG)
    injector.restore(folder)
    assert injector.run(*TUNE).code == 0
    shutil.copytree(injector.folder / "runs", folder / "runs")
    (folder / "runs/tune-mine/report.json").unlink()
    return folder


def check_named(done: Done) -> None:
    if done.code:
        text = message(done)
        assert DATABASE in text or "runs/tune-mine" in text, text
    assert "Traceback" not in done.err


def test_a_damaged_database_is_named_or_read(injector: Injector, template: Path) -> None:
    draw = random.Random(SEED)
    content = (template / DATABASE).read_bytes()
    for number in range(6):
        injector.restore(template)
        damaged = bytearray(content)
        if number % 3 == 0:
            del damaged[draw.randrange(len(damaged)) :]
        else:
            for _ in range(64):
                damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        (injector.folder / DATABASE).write_bytes(damaged)
        for arguments in (("report", "mine"), TUNE):
            check_named(injector.run(*arguments))


def test_a_journal_of_a_killed_process_is_applied(injector: Injector, template: Path) -> None:
    injector.restore(template)
    database = injector.folder / DATABASE
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.execute("DELETE FROM trials")
        connection.execute("CREATE TABLE filler AS SELECT randomblob(500000)")
        # As a kill would leave them: pages of a transaction that was not committed, and its journal.
        torn, journal = database.read_bytes(), Path(f"{database}-journal").read_bytes()
        connection.rollback()
    connection.close()
    assert journal
    database.write_bytes(torn)
    Path(f"{database}-journal").write_bytes(journal)
    done = injector.run("report", "mine", "--json")
    assert done.code == 0, done.err
    assert '"complete":2' in done.out.replace(" ", "")
