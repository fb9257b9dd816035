"""What each page of a well-filled site costs: `python -m tests.benchmarks.pages`.

Of each page: queries over all databases, time on the server, and bytes. The time is that of the
whole site in this process, from the request to the rendered answer, without a socket: on the clock,
and of the processor alone, which says more on a machine that others use. `304` is what looking
again costs while nothing changed. Cold bytes are the page and all files that it names, none of
them compressed.
"""

import argparse
import contextlib
import gc
import gzip
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import django

MOST_QUERIES, MOST_MS, MOST_BYTES = 15, 300, 200_000
NAME_WIDTH = 48
FILES = re.compile(r'(?:href|src|action)="/static/([^"]+)"')
IMPORTS = re.compile(rb'(?:from|import)\s*"(\./[^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a page came to. Times in milliseconds, one for each round; sizes in bytes."""

    page: str
    status: int
    queries: int
    wall_ms: list[float]
    cpu_ms: list[float]
    page_bytes: int
    zipped_bytes: int
    cold_bytes: int


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the cache")
    parser.add_argument("--samples", type=int, default=1_000_000, help="look-ups in the cache")
    parser.add_argument("--reflections", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=20, help="how often each page is asked for")
    parser.add_argument("--keep", type=Path, help="the folder of a site to use again, or to leave")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(mode=0o700, exist_ok=True)
        os.environ.update(
            DJANGO_SETTINGS_MODULE="perfsite.settings", DEBUG="1", VAR_DIR=str(folder)
        )
        django.setup()
        _measure(stack, given)


def _measure(stack: contextlib.ExitStack, given: argparse.Namespace) -> None:
    from django.conf import settings
    from django.core.management import call_command

    from perfsite import seeding
    from tests.standin import standin

    # Django would note each statement.
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["*"]
    settings.OLLAMA_HOST = stack.enter_context(standin()).url
    for database in settings.DATABASES:
        call_command("migrate", database=database, verbosity=0)
    if seeding.is_empty():
        began, cpu = time.monotonic(), time.process_time()
        call_command(
            "seed_demo", days=30, entries=given.entries, samples=given.samples,
            reflections=given.reflections,
        )  # fmt: skip
        took, worked = time.monotonic() - began, time.process_time() - cpu
        print(f"Seeded in {took:.0f} s, {worked:.0f} s of them at work.")
    print(
        f"{'':<{NAME_WIDTH}}{'':>4}{'queries':>8}{'p50 ms':>8}{'p95 ms':>8}{'cpu p50':>8}"
        f"{'cpu p95':>8}{'html kB':>9}{'zipped':>8}{'cold kB':>9}"
    )
    for cost in _costs(given.rounds):
        print(_line(cost), flush=True)


def _costs(rounds: int) -> Iterator[Cost]:
    from django.apps import apps
    from django.contrib.auth.models import Group, User
    from django.test import Client

    from perfsite.roles import ADMIN, make_groups
    from tests.pages import MEASURED, PAGES, places

    make_groups(apps)
    who, _ = User.objects.get_or_create(username="benchmark", is_staff=True)
    # A group's members cost two queries more than a superuser.
    who.groups.set([Group.objects.get(name=ADMIN)])
    client = Client()
    client.force_login(who)
    found = places()
    client.get("/")
    # As the web server does once it is loaded.
    gc.freeze()
    for page in (*PAGES, *MEASURED):
        address = page.format(**found)
        yield _cost(client, page, address, rounds, {})
        if page.startswith("/?"):
            known = {"If-None-Match": client.get(address).headers["ETag"]}
            yield _cost(client, page, address, rounds, known)


def _cost(
    client: "django.test.Client", page: str, address: str, rounds: int, headers: Mapping[str, str]
) -> Cost:
    from tests.pages import listening

    with listening() as asked:
        answer = client.get(address, headers=headers)
    wall_ms, cpu_ms = [], []
    for _ in range(rounds):
        began, cpu = time.perf_counter(), time.process_time()
        answer = client.get(address, headers=headers)
        wall_ms.append((time.perf_counter() - began) * 1000)
        cpu_ms.append((time.process_time() - cpu) * 1000)
    return Cost(
        page=page,
        status=answer.status_code,
        queries=len(asked.statements),
        wall_ms=wall_ms,
        cpu_ms=cpu_ms,
        page_bytes=len(answer.content),
        zipped_bytes=len(gzip.compress(answer.content)) if answer.content else 0,
        cold_bytes=len(answer.content) + _files_bytes(answer.content.decode()),
    )


def _files_bytes(html: str) -> int:
    """Return how large all files are that a page names, and those that they import."""
    from django.contrib.staticfiles import finders

    waiting, seen, total = list(FILES.findall(html)), set(), 0
    while waiting:
        name = waiting.pop()
        if name in seen or not (path := finders.find(name)):
            continue
        seen.add(name)
        content = Path(path).read_bytes()
        total += len(content)
        if name.endswith(".js"):
            beside = Path(name).parent
            waiting += [str(beside / found.decode()) for found in IMPORTS.findall(content)]
    return total


def _line(cost: Cost) -> str:
    times = [at for ms in (cost.wall_ms, cost.cpu_ms) for at in (statistics.median(ms), _p95(ms))]
    missed = [
        *(["queries"] if cost.queries > MOST_QUERIES else []),
        *(["time"] if _p95(cost.wall_ms) > MOST_MS else []),
        *(["bytes"] if cost.cold_bytes > MOST_BYTES else []),
    ]
    return (
        f"{cost.page:<{NAME_WIDTH}}{cost.status:>4}{cost.queries:>8}"
        + "".join(f"{ms:>8.0f}" for ms in times)
        + f"{cost.page_bytes / 1000:>9.1f}{cost.zipped_bytes / 1000:>8.1f}"
        + f"{cost.cold_bytes / 1000:>9.1f}"
        + (f"  missed: {', '.join(missed)}" if missed else "")
    )


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


if __name__ == "__main__":
    main()
