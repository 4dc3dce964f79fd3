"""The schema's history. Alembic is only loaded when there is something to do: an up-to-date database costs one query."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from hub.storage.base import SchemaTooNew

HEAD = "0005"
"""The newest revision in `versions/`; a test compares it with the folder."""


def stored_schema(connection: Connection) -> str | None:
    """The revision of the database; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        _end_of_reading(connection)
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    _end_of_reading(connection)
    return found


def _end_of_reading(connection: Connection) -> None:
    """SQLAlchemy began a transaction for the look-up; a migration wants to begin its own."""
    transaction = connection.get_transaction()
    if transaction is not None and connection.dialect.name == "sqlite":
        transaction.rollback()


def migrate(connection: Connection, found: str | None, *, before: Callable[[str | None], None] | None) -> None:
    """Bring the schema up to date; `before` is called when something will change. Raises SchemaTooNew for one from the future."""
    if found == HEAD:
        return
    from alembic.config import Config  # noqa: PLC0415 - only loaded when the schema changes
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    if found is not None and found not in {revision.revision for revision in script.walk_revisions()}:
        raise SchemaTooNew(found, HEAD)
    if before is not None:
        before(found)

    def upgrade(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001 - what `alembic upgrade` itself calls

    with EnvironmentContext(config, script, fn=upgrade, destination_rev="head") as environment:
        environment.configure(connection=connection)
        with environment.begin_transaction():
            environment.run_migrations()
