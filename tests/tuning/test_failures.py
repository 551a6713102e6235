import sqlite3
from pathlib import Path

import pytest
from optuna.exceptions import StorageInternalError

from kit.errors import KitError, UserError
from kit.tuning.failures import check_database, damage_named, storage_failures


@pytest.mark.parametrize(
    ("why", "hint"),
    [
        ("database or disk is full", "free space on this disk"),
        ("disk I/O error", "look at the disk"),
        ("attempt to write a readonly database", "look at the permissions"),
        ("the server closed the connection", "rerun the same command"),
    ],
)
def test_a_storage_that_fails_is_named_with_what_to_do(why: str, hint: str) -> None:
    with pytest.raises(KitError) as caught, storage_failures("sqlite:///runs/tune-s/study.db"):
        raise StorageInternalError(why)
    assert str(caught.value).startswith(f"runs/tune-s/study.db: the study's storage failed: {why}\n{hint}")


def test_a_value_that_cannot_be_read_names_the_file() -> None:
    with (
        pytest.raises(UserError, match=r"runs/study\.db: the study's storage is damaged"),
        damage_named("sqlite:///runs/study.db"),
    ):
        raise ValueError("not JSON")


def test_a_truncated_database_is_damaged_and_an_intact_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE one AS SELECT randomblob(20000) AS content")
    connection.commit()
    connection.close()
    check_database(file, 1.0)
    file.write_bytes(file.read_bytes()[:9000])
    with pytest.raises(UserError, match="the study's storage is damaged"):
        check_database(file, 1.0)
