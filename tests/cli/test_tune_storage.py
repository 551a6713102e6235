"""Storage URLs on the command line: no password is shown, and a wrong URL is explained."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workplace import ended, start

pytestmark = pytest.mark.slow

SECRET = "S3cretPassw0rd"
CONFIG = """
competition: {image_shape: [6, 6]}
models: {knn: {kind: knn, neighbours: 9}}
tune: {space: {models.knn.neighbours: {kind: int, low: 1, high: 12}}}
"""
# As the driver of a server that refuses a connection: it quotes the connection string.
DRIVER = """
paramstyle, threadsafety, apilevel = "pyformat", 1, "2.0"
class Error(Exception): pass
class OperationalError(Error): pass
Warning = InterfaceError = DatabaseError = DataError = NotSupportedError = ProgrammingError = Error
InternalError = IntegrityError = Error
__version__ = version_info = "1.4.6"
Binary = str
def connect(*args, **given):
    import sys
    print("driver on stderr:", given.get("password") or given.get("passwd"), file=sys.stderr)
    words = " ".join(f"{key}={value}" for key, value in given.items())
    raise OperationalError(2003, "cannot connect with " + words, *given.values())
"""


@pytest.fixture
def project(workdir: Path, write_competition: Callable[..., None]) -> Path:
    """Return a folder with data and a configuration, and be in it."""
    write_competition(workdir / "data", side=6)
    (workdir / "mine.yaml").write_text(CONFIG)
    return workdir


def tune(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    done = ended(start("tune", "-c", "mine.yaml", "--trials", "1", *arguments, env=env))
    return done.code, done.out + done.err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "url",
    [
        "postgres://alice:{}@db.example.org/optuna",
        "POSTGRES+NOSUCH://alice:{}@db/optuna",
        "postgresql:/alice:{}@db/optuna",
        "postgresql:alice:{}@db/optuna",
        "mysql//alice:{}@db/optuna",
        "redis://:{}@db",
        "alice:{}@db/optuna",
        "postgresql://alice:{}@db:port/optuna",
        "postgresql+nosuch://db/optuna?user=alice&password={}",
        "postgresql+nosuch://db/optuna?sslpassword={}",
        "host=db user=alice password={}",
        "'postgresql:/alice:{} {}@db/optuna'",
        "sqlite+pysqlcipher://:{}@/study.db",
        "postgresql://alice:p@{}/{}@127.0.0.1:1/optuna",
    ],
)
def test_no_password_is_shown(url: str) -> None:
    code, text = tune("--storage", url.replace("{}", SECRET), "--debug")
    assert code == 2
    assert SECRET not in text
    assert "***" in text


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--jobs", "postgresql:/alice:{}@db/optuna"],
        ["--study", "postgresql:/alice:{}@db/optuna"],
        ["--set", "models.knn.neighbours=postgresql:/alice:{}@db.example.org/optuna-of-a-team", "--debug"],
        ["--set", "nonsense=postgresql:/alice:{}@db/optuna"],
        ["postgresql:/alice:{}@db/optuna"],
        ["--storage=postgresql:/alice:{}@db/optuna"],
    ],
)
def test_no_password_in_the_wrong_place_is_shown(arguments: list[str]) -> None:
    code, text = tune(*(argument.replace("{}", SECRET) for argument in arguments))
    assert code == 2
    assert SECRET not in text
    assert "S3cret" not in text
    assert "Passw0rd" not in text


@pytest.mark.parametrize("password", [SECRET, "S3cret%40Passw0rd%2F%23", "S3cret/Passw0rd#?"])
def test_a_driver_that_quotes_the_password_is_masked(project: Path, password: str) -> None:
    (project / "lib").mkdir()
    # One that is not installed: kit searches PYTHONPATH last.
    (project / "lib/cymysql.py").write_text(DRIVER)
    path = os.pathsep.join([str(project / "lib"), os.environ.get("PYTHONPATH", "")])
    url = f"mysql+cymysql://alice:{password}@db/optuna"
    code, text = tune("--storage", url, "--debug", env={"PYTHONPATH": path})
    assert code == 2
    assert "cannot connect with" in text
    assert "S3cret" not in text


@pytest.mark.usefixtures("project")
def test_postgres_is_postgresql() -> None:
    code, text = tune("--storage", "postgres+nosuch://db/optuna")
    assert code == 2
    assert "--storage postgresql+nosuch://db/optuna" in text


def test_the_package_of_a_driver_is_named(project: Path) -> None:
    (project / "lib").mkdir()
    (project / "lib/MySQLdb.py").write_text("raise ModuleNotFoundError('No module named MySQLdb')\n")
    path = os.pathsep.join([str(project / "lib"), os.environ.get("PYTHONPATH", "")])
    code, text = tune("--storage", "mysql://u:p@127.0.0.1/optuna", env={"PYTHONPATH": path})
    assert code == 2
    assert "pip install mysqlclient" in text
    assert "None" not in text


@pytest.mark.parametrize("name", ["a?b.db", "a?b=c.db", "a?timeout=5&x.db"])
def test_an_sqlite_file_is_not_cut_at_a_question_mark(project: Path, name: str) -> None:
    code, text = tune("--storage", f"sqlite:///{name}")
    assert code == 2
    assert "%3F" in text
    assert not (project / "a").exists()
