"""The package to install for the driver of a storage."""

from typing import TYPE_CHECKING

from kit.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import URL

MYSQL = "pip install mysqlclient; or pip install pymysql, and begin the URL with mysql+pymysql://"
POSTGRESQL = "pip install 'psycopg[binary]', and begin the URL with postgresql+psycopg://"
ORACLE = "pip install oracledb, and begin the URL with oracle+oracledb://"
INSTALL = {
    "cx_oracle": ORACLE,
    "mariadbconnector": "pip install mariadb; or pip install pymysql, and begin the URL with mariadb+pymysql://",
    "mysqlconnector": "pip install mysql-connector-python",
    "mysqldb": MYSQL,
    "psycopg": "pip install 'psycopg[binary]'",
    "psycopg2": "pip install psycopg2-binary",
    "pyodbc": "pip install pyodbc; it needs unixODBC and the server's ODBC driver",
    "pysqlcipher": "pip install sqlcipher3",
    "pysqlite": "this Python was built without SQLite; install another one",
}
"""By the driver's name in SQLAlchemy, if it differs from the name of its package."""
BLOCKING = {"mysql": MYSQL, "mariadb": MYSQL, "postgresql": POSTGRESQL, "oracle": ORACLE}


def check_driver(url: "URL", where: str) -> None:
    """Check that the driver of a storage can be imported.

    Args:
        url: of a known dialect.
        where: the storage, with secrets masked.

    Raises:
        UserError: it cannot; the hint names the package to install.
    """
    kind = url.get_dialect()
    driver = kind.driver
    if kind.is_async:
        hint = BLOCKING.get(url.get_backend_name(), f"begin the URL with {url.get_backend_name()}://")
        raise UserError(
            f"its driver {driver} is asynchronous, which Optuna does not support", where=where, hint=hint
        )
    try:
        kind.import_dbapi()
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError)
        reason = "is not installed" if absent else f"cannot be loaded: {(str(error) or 'no reason given')}"
        first_line = f"its driver {driver} {reason}".splitlines()[0]
        raise UserError(first_line, where=where, hint=INSTALL.get(driver, f"pip install {driver}")) from error
