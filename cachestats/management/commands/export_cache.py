"""Writes the cache's live entries to a file."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cachestats import services


class Command(BaseCommand):
    """manage.py export_cache"""

    help = "Write live entries as JSON lines, for import_cache on a site with the same pepper."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="where to; - is the standard output")
        parser.add_argument("--type", help="only entries of this cache type")
        parser.add_argument("--model", help="only answers of this model")

    def handle(self, *_args: Any, **options: Any) -> None:
        lines = services.export_entries(options["type"], options["model"])
        try:
            if options["file"] == "-":
                sys.stdout.buffer.writelines(lines)
                sys.stdout.buffer.flush()
                return
            path = Path(options["file"])
            if path.exists() and not path.is_file():
                raise CommandError(
                    f"{path} is no file: give a file's name, or - to write to a pipe"
                )
            _write_whole(path, lines)
        except (OSError, *services.UNUSABLE) as exc:
            raise CommandError(f"The cache can't be exported: {exc}") from exc
        self.stderr.write(f"Exported to {path}: {path.stat().st_size} bytes.")


def _write_whole(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file for its owner alone, whole or not at all."""
    draft = NamedTemporaryFile(dir=path.absolute().parent, delete=False)  # noqa: SIM115
    try:
        with draft:
            draft.writelines(lines)
        Path(draft.name).replace(path)
    except BaseException:
        Path(draft.name).unlink(missing_ok=True)
        raise
