"""Puts a backup in the place of the site's SQLite files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from perfsite import backups


class Command(BaseCommand):
    """manage.py restore"""

    help = "Put a backup in the place of the databases' SQLite files; nothing may run meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="that `backup` made")

    def handle(self, *_args: Any, folder: Path, **_options: Any) -> None:
        try:
            done = backups.restore(folder)
        except backups.BackupRefused as exc:
            raise CommandError(str(exc)) from exc
        for note in done.notes:
            self.stderr.write(note)
        self.stdout.write(f"Restored from {folder}: {', '.join(done.files)}.")
