"""The database: one SQLite file in the instance folder, one connection per request.

Runs in: workers, while they answer a request.  A connection never outlives its request, so none is shared by threads or
carried through a fork (sqlite.org/howtocorrupt.html, section 2.6).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from flask import current_app, g

from .instance import create_once

# How long a writer waits for another process's write, in seconds.  Writes here take milliseconds.
BUSY_TIMEOUT = 10.0


def database() -> sqlite3.Connection:
    """This request's connection; the file and its tables are made by the first request that asks."""
    if "database" not in g:
        path = Path(current_app.instance_path) / "flaskr.sqlite"
        create_once(path, create_tables)
        g.database = connect(path)
    connection: sqlite3.Connection = g.database
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Open the file; rows come back with column names."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT)
    connection.row_factory = sqlite3.Row
    # Both hold for one connection only, so every connection sets them.  NORMAL loses no consistency under WAL.
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def create_tables(path: Path) -> None:
    """Run schema.sql on the file."""
    with current_app.open_resource("schema.sql", "r") as schema, closing(connect(path)) as connection:
        connection.executescript(schema.read())


def close(_error: BaseException | None) -> None:
    """Flask calls this when the request is over, however it ended."""
    connection: sqlite3.Connection | None = g.pop("database", None)
    if connection is not None:
        connection.close()
