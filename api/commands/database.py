"""The commands on the database itself: upgrade, check, backup, restore, purge."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import ClinicOption, chosen_clinic, group, opened, settings
from api.exits import DATABASE_REFUSED, TOLD, fail

db = group("The database: THERAPY_CODER_DATABASE_URL, without it an SQLite file of your own.")


@db.command(epilog=TOLD)
def upgrade() -> None:
    """Make the database, or bring it to the tables of this version; safe to repeat."""
    with opened(at_head=False, create=True) as database:
        from api.db import migrate

        before, after = migrate.upgrade(database)
        told = f"already at step {after}" if before == after else f"step {before or 'none'} -> {after}"
        typer.echo(f"{database.where}: {told}")


@db.command(epilog=TOLD)
def check() -> None:
    """Tell whether the database can be used: reached, at the right step, tables as declared, written to, kept private."""
    with opened() as database:
        from api.db import migrate
        from api.db.errors import DatabaseCorrupt

        if database.path is not None and not migrate.intact(database):
            raise DatabaseCorrupt(database.where)
        different = migrate.differences(database)
        # A transaction that writes nothing still needs the right to write.
        database.require_writes()
        for difference in different:
            typer.echo(f"{database.where}: differs: {difference}")
        if different:
            fail(f"{database.where}: the tables are not those of step {migrate.head()}.", DATABASE_REFUSED)
        if database.path is not None and stat.S_IMODE(database.path.stat().st_mode) & 0o077:
            typer.echo(f"{database.where} can be read by others: chmod 600 it", err=True)
        typer.echo(f"{database.where}: at step {migrate.head()}, can be written to")


@db.command(epilog=TOLD)
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="New file to write; it holds notes, keep it safe.")],
) -> None:
    """Copy an SQLite database while it is in use; for PostgreSQL, say which pg_dump command does it."""
    with opened(at_head=False) as database:
        from api.db import backup as copying

        if database.path is None:
            fail(f"PostgreSQL makes its own backups. Run: {copying.pg_dump(database.url, str(target))}")
        copying.backup(database, target)
        typer.echo(f"Written: {target}")
        typer.echo(f"Not in it: the models folder {settings().models_folder}, and your own rule file.", err=True)


@db.command(epilog=TOLD)
def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A file that db backup wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of the database there is, which is kept beside it.")
    ] = False,
) -> None:
    """Put a backup back; for PostgreSQL, say which pg_restore command does it."""
    with opened(at_head=False) as database:
        from api.db import backup as copying

        if database.path is None:
            fail(f"PostgreSQL restores its own backups. Run: {copying.pg_restore(database.url, str(source))}")
        kept = copying.restore(database, source, replace=replace)
        if kept is not None:
            typer.echo(f"The database that was there is now {kept}")
        typer.echo(f"Restored: {database.where}. Next: therapy-coder db upgrade; therapy-coder audit verify")


@db.command(epilog=TOLD)
def purge(
    older_than: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="DAYS", help="Purge notes submitted before that many days; without it, what the clinic set."
        ),
    ] = None,
    clinic: ClinicOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many.")] = False,
) -> None:
    """Take the words out of old notes and results; hashes, decisions and the audit trail stay. Not to be undone."""
    from datetime import timedelta

    with opened() as database:
        from api.audit import SYSTEM
        from api.db import repository, retention

        with database.reading() as session:
            chosen = chosen_clinic(session, clinic)
            clinic_id, days = chosen.id, chosen.retention_days if older_than is None else older_than
            if days is None:
                fail(f"Give --older-than DAYS, or set it: therapy-coder clinics set {chosen.slug} --keep-days DAYS")
            count = repository.purgeable(session, clinic_id, repository.now() - timedelta(days=days))
        if dry_run:
            typer.echo(f"{count} notes would be purged")
            return
        typer.echo(f"{retention.purge(database, clinic_id, days, by=SYSTEM)} notes purged")
