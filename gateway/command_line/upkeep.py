"""Backups, updates tried out, checks."""

import sys
from pathlib import Path
from typing import Any

import click

from .options import config, with_options


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--include-key", is_flag=True, help="With the keys, sealed by a passphrase that is asked for.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@click.option("--verify", is_flag=True, help="Make none: check the one that is there.")
@with_options("data_dir", "database_url")
def backup(file: Path, include_key: bool, overwrite: bool, verify: bool, **options: Any) -> None:
    """Writes everything into one file, while the gateway works or when it is stopped."""
    from gateway.commands import backup as backups

    if verify:
        backups.verify(file, click.echo)
    else:
        backups.make(config(**options), file, click.echo, include_key=include_key, overwrite=overwrite)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only check the file, and say what would be restored where.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--replace", is_flag=True, help="Replace the gateway that is there; a backup of it is kept.")
@with_options("data_dir", "database_url")
def restore(file: Path, dry_run: bool, yes: bool, replace: bool, **options: Any) -> None:
    """Puts a backup in place: all of it, or nothing."""
    from gateway.commands import backup as backups

    wish = backups.Wish(dry_run=dry_run, yes=yes, replace=replace)
    backups.restore(config(**options), file, wish, click.echo, lambda text: sys.stdin.isatty() and click.confirm(text))


@click.command()
@with_options("data_dir", "database_url")
def rehearse(**options: Any) -> None:
    """Tries this release's migrations on a copy of the database, and changes nothing."""
    from gateway.commands import rehearsal

    rehearsal.rehearse(config(**options), click.echo)


@click.command()
@with_options("data_dir", "database_url")
def doctor(**options: Any) -> None:
    """Checks every part and says how to mend what is missing."""
    from gateway.commands import doctor as checkup

    sys.exit(0 if checkup.report(config(**options), click.echo) else 4)
