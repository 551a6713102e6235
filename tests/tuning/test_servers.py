"""What is said about a database server that cannot be used."""

from pathlib import Path

import pytest

from kit.config import Tune
from kit.errors import KitError, UserError
from kit.tuning.failures import storage_failures
from kit.tuning.storage import storage_url
from kit.tuning.study import SharedStudy
from tests.databases import PASSWORD, Server
from tests.tuning.conftest import line_space

WRONG = "WrongPassw0rd"


def open_study(url: str) -> SharedStudy:
    folder = Path("runs/tune-s")
    return SharedStudy.open("s", storage_url(folder, url), folder, Tune(), line_space(), {})


def refusal(url: str) -> UserError:
    with pytest.raises(UserError) as refused:
        open_study(url)
    assert len(str(refused.value).splitlines()) <= 3
    assert not any(secret in str(refused.value) for secret in (PASSWORD, WRONG))
    return refused.value


@pytest.mark.usefixtures("workdir")
def test_a_wrong_password_is_named_and_masked(server: Server) -> None:
    error = refusal(server.url(server.home, WRONG))
    assert error.hint == "check user and password of the URL"
    assert f"{server.kind}+{server.driver}://kit:***@127.0.0.1" in str(error.where)


@pytest.mark.usefixtures("workdir")
def test_an_absent_database_is_named(server: Server) -> None:
    error = refusal(server.url("absent"))
    assert "absent" in error.what
    assert "kit creates the tables, but no database" in str(error.hint)


@pytest.mark.usefixtures("server")
def test_an_absent_server_is_named(workdir: Path, server: Server) -> None:
    error = refusal(server.url("d").replace(f":{server.port}", ":1"))
    assert error.hint == "check host and port, and whether the server is running"
    assert list(workdir.iterdir()) == []


@pytest.mark.usefixtures("workdir")
def test_a_server_that_ends_connections_fails_no_trial(server: Server) -> None:
    url = server.new_database()
    shared = open_study(url)
    server.end_connections(url)
    assert shared.claim(lambda trial: float(trial.params["x"]), None)


@pytest.mark.usefixtures("workdir")
def test_a_database_that_vanishes_is_named(server: Server) -> None:
    url = server.new_database()
    shared = open_study(url)
    shared.storage.engine.dispose()
    force = " WITH (FORCE)" if server.kind == "postgresql" else ""
    server.execute(f"DROP DATABASE {url.rpartition('/')[2]}{force}")
    with pytest.raises(KitError) as failed, storage_failures(url):
        shared.claim(lambda trial: float(trial.params["x"]), None)
    assert "the study's storage failed" in str(failed.value)
    assert PASSWORD not in str(failed.value)
