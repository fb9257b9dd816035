"""Serve the embedded model with Ollama's API on loopback."""

import errno
import os
from argparse import ArgumentParser
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from enrichment.inference.engine.errors import EngineUnavailableError
from enrichment.inference.engine.gate import is_loopback
from enrichment.inference.engine.server import serve


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT; needs no database."""

    help = "Serve the embedded model with Ollama's API on loopback, for machines without Ollama."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=11434, help="0 takes a free one")
        parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
        parser.add_argument("--threads", type=int, help="at most; default: physical cores")
        parser.add_argument(
            "--url-file", type=Path, help="gets the base URL while the server listens"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        host, port, url_file = options["host"], options["port"], options["url_file"]
        if not is_loopback(host):
            raise CommandError(f"--host {host}: the embedded model serves loopback addresses only.")

        if options["threads"] is not None and options["threads"] < 1:
            raise CommandError("--threads must be at least 1.")

        def announce(url: str) -> None:
            if url_file is not None:
                write_private(url_file, url)
            self.stderr.write(f"The embedded model listens on {url}.")

        try:
            ended = serve(host, port, threads=options["threads"], on_ready=announce)
        except EngineUnavailableError as exc:
            raise CommandError(str(exc)) from exc
        except (OSError, OverflowError) as exc:
            raise CommandError(_why_not(host, port, exc)) from exc
        finally:
            if url_file is not None:
                url_file.unlink(missing_ok=True)
        if not ended:
            os._exit(0)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)


def _why_not(host: str, port: int, exc: Exception) -> str:
    if isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use; stop what holds it or choose another --port."
    return f"Can't listen on port {port} of {host}: {exc}."
