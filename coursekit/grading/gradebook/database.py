"""nbgrader's database, opened so that what is written is written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.script import ScriptDirectory
from nbgrader.api import Base
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import (
    URL,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

_WAIT = 60  # seconds for other writers
_OURS = MetaData()
# Not among nbgrader's own tables: its upgrades leave it alone.
GRADING = Table(
    "coursekit_grading",
    _OURS,
    Column("student", String(128), primary_key=True),
    Column("lesson", String(128), primary_key=True),
    Column("fingerprint", String(128), nullable=False),
    Column("points", Float, nullable=False),
    Column("result_json", Text, nullable=False),
    Column("graded_at", DateTime, nullable=False),
)


class Database:
    """Transactions on a gradebook.

    Args and errors: as `coursekit.grading.gradebook.Gradebook`.
    """

    def __init__(self, url_or_path: str | Path) -> None:
        self._engine = _engine(_address(url_or_path))
        if not self._is_ready():
            with self.writing() as session:
                _make_tables(session.connection())

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and writes nothing.

        Raises:
            TimeoutError: when another program holds the database for longer than we wait.
        """
        with self._waiting(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose writes come true together when the block ends well, else none of them.

        Raises:
            TimeoutError: as `reading`.
        """
        engine = self._engine.execution_options(writing=True)
        with self._waiting(), Session(engine) as session, session.begin():
            yield session

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if "database is locked" not in str(error):
                raise
            raise TimeoutError(
                f"{self._engine.url} was locked for {_WAIT} s: end the program that holds it and try again"
            ) from error

    def _is_ready(self) -> bool:
        """Whether all tables are there, in the form that this nbgrader works with."""
        with self._engine.connect() as connection:
            there = set(inspect(connection).get_table_names())
            if there & set(Base.metadata.tables):
                _check_version(connection, there, self._engine)
            return there >= {*Base.metadata.tables, *_OURS.tables, "alembic_version"}


def _address(url_or_path: str | Path) -> URL:
    if "://" in str(url_or_path):
        return make_url(str(url_or_path))
    return URL.create("sqlite", database=str(Path(url_or_path).resolve()))


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool)
    # No connection outlives its transaction, so none is ever carried into a forked process.
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _WAIT})
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    return engine


def _leave_transactions_to_us(connection, _record) -> None:
    # Python's driver would begin late and commit before CREATE TABLE.
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    # A writer takes its place in the queue at once: one that began as a reader could be refused at its
    # first write, without waiting.
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _make_tables(connection: Connection) -> None:
    """Do what `nbgrader.api.Gradebook` does for a new file, but inside our transaction."""
    Base.metadata.create_all(connection)
    _OURS.create_all(connection)
    if "alembic_version" not in inspect(connection).get_table_names():
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": _head()})


def _check_version(connection: Connection, there: set[str], engine: Engine) -> None:
    query = text("SELECT version_num FROM alembic_version")
    found = connection.scalar(query) if "alembic_version" in there else None
    if found != _head():
        raise RuntimeError(
            f"{engine.url} has nbgrader's schema {found}, this nbgrader needs {_head()}: "
            "run `nbgrader db upgrade` in the course's folder (it keeps a copy)"
        )


def _head() -> str:
    """The schema of the installed nbgrader."""
    return ScriptDirectory(ALEMBIC_DIR).get_current_head()
