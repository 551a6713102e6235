"""Storages whose driver is missing: the packages to install exist."""

import sys
from pathlib import Path

import pytest
import sqlalchemy

from kit.errors import UserError
from kit.tuning.drivers import check_driver


def refused(url: str) -> UserError:
    with pytest.raises(UserError) as error:
        check_driver(sqlalchemy.make_url(url), "here")
    return error.value


@pytest.mark.parametrize(
    ("url", "module", "package"),
    [
        ("mysql://h/d", "MySQLdb", "pip install mysqlclient; or pip install pymysql"),
        ("mysql+mysqlconnector://h/d", "mysql", "pip install mysql-connector-python"),
        ("mariadb+mariadbconnector://h/d", "mariadb", "pip install mariadb"),
        ("postgresql+psycopg2://h/d", "psycopg2", "pip install psycopg2-binary"),
        ("postgresql+psycopg://h/d", "psycopg", "pip install 'psycopg[binary]'"),
        ("postgresql+pg8000://h/d", "pg8000", "pip install pg8000"),
        ("oracle+cx_oracle://h/d", "cx_Oracle", "pip install oracledb"),
        ("mssql+pyodbc://h/d", "pyodbc", "pip install pyodbc"),
        ("sqlite+pysqlcipher:///d", "sqlcipher3", "pip install sqlcipher3"),
    ],
)
def test_the_package_of_a_driver_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    error = refused(url)
    assert "is not installed" in error.what
    assert str(error.hint).startswith(package)


def test_a_driver_without_its_library_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "psycopg"
    package.mkdir()
    words = "no pq wrapper available.\\nAttempts made:\\n- couldn't import psycopg 'c'"
    (package / "__init__.py").write_text(f'raise ImportError("{words}")\n')
    monkeypatch.delitem(sys.modules, "psycopg", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    error = refused("postgresql+psycopg://h/d")
    assert error.what == "its driver psycopg cannot be loaded: no pq wrapper available."
    assert error.hint == "pip install 'psycopg[binary]'"


@pytest.mark.parametrize(
    ("url", "instead"),
    [
        ("postgresql+asyncpg://h/d", "postgresql+psycopg://"),
        ("mysql+aiomysql://h/d", "mysql+pymysql://"),
        ("sqlite+aiosqlite:///d", "sqlite://"),
    ],
)
def test_an_asynchronous_driver_is_refused(url: str, instead: str) -> None:
    error = refused(url)
    assert "asynchronous" in error.what
    assert instead in str(error.hint)
