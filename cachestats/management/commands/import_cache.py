"""Takes in the entries of an exported file."""

import json
import shutil
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from cachestats import services
from cachestats.errors import InvalidTransfer


class Command(BaseCommand):
    """manage.py import_cache"""

    help = "Take in what export_cache wrote. What is here in a newer version stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="where from; - is the standard input")
        parser.add_argument("--json", action="store_true", help="print JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            with _opened(options["file"]) as file:
                # All of it first: nothing of a file that is cut off or damaged is taken in.
                services.check_lines(file)
                file.seek(0)
                result = services.import_entries(file)
        except (InvalidTransfer, OSError, *services.UNUSABLE) as exc:
            raise CommandError(f"Nothing more is imported: {exc}") from exc
        if options["json"]:
            self.stdout.write(json.dumps(asdict(result)))
        else:
            self.stdout.write(
                f"{result.imported} entries imported, {result.bytes} bytes; {result.skipped} "
                "skipped: expired, or here in a newer version."
            )


def _opened(name: str) -> IO[bytes]:
    if name != "-":
        return Path(name).open("rb")
    spooled = TemporaryFile()  # noqa: SIM115  # the caller closes it
    shutil.copyfileobj(sys.stdin.buffer, spooled)
    spooled.seek(0)
    return spooled
