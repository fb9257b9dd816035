"""Copies the site's SQLite files into a folder while it works."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from perfsite import backups


class Command(BaseCommand):
    """manage.py backup"""

    help = "Back up the databases' SQLite files into a new folder; the site may go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="new, or empty")

    def handle(self, *_args: Any, folder: Path, **_options: Any) -> None:
        try:
            done = backups.back_up(folder)
        except backups.BackupRefused as exc:
            raise CommandError(str(exc)) from exc
        for note in done.notes:
            self.stderr.write(note)
        total = sum(done.files.values())
        self.stdout.write(f"Backed up to {folder}: {', '.join(done.files)}; {total:,} bytes.")
