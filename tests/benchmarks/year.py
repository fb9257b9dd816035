"""A year of a busy site, in short: `python -m tests.benchmarks.year`.

Day by day it writes what a day at one reflection a second leaves behind, scaled down, and then
prunes by the site's own rules as of that day. After each month it tells how many rows there are,
how large SQLite's files are and what pages cost. What is bounded by its age has its full length;
only how much there is of it a day is scaled.
"""

import argparse
import contextlib
import gc
import os
import random
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

A_DAY = 86_400
MONTH = 30
# Both begin to lose rows within the third month, so that the last is held against a full one.
REFLECTIONS_KEPT_DAYS, HISTORY_KEPT_DAYS = 30, 60
BEGIN = datetime(2025, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
PAGES = ("/?range=30d", "/reflections/", "/cache/", "/jobs/")
ROUNDS = 15
# Of a day, whatever the scale: what people do, and what goes wrong.
SESSIONS, PURGES, ADMIN_ACTS, FAILED_TASKS = 40, 2, 10, 20
# Shares of reflections: those that are sent with an Idempotency-Key, and computed answers.
WITH_KEY, COMPUTED = 0.3, 0.42


@dataclass(frozen=True, kw_only=True)
class Month:
    """How a site is at a month's end.

    page_ms: of the processor, the least of some rounds: others may use the machine. prune_seconds:
    of the processor, a day.
    """

    day: int
    rows: dict[str, int]
    main_bytes: int
    cache_bytes: int
    page_ms: dict[str, float]
    prune_seconds: float


def main() -> None:
    """Run the simulation and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=360)
    parser.add_argument("--scale", type=int, default=240, help="one row for so many real ones")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ.update(
            DJANGO_SETTINGS_MODULE="perfsite.settings", DEBUG="1", VAR_DIR=str(folder),
            REFLECTIONS_KEPT_DAYS=str(REFLECTIONS_KEPT_DAYS),
            HISTORY_KEPT_DAYS=str(HISTORY_KEPT_DAYS),
        )  # fmt: skip
        django.setup()
        _run(stack, given.days, max(1, A_DAY // given.scale))


def _run(stack: contextlib.ExitStack, days: int, reflections: int) -> None:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    from tests.standin import standin

    # Django would note each statement.
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["*"]
    settings.OLLAMA_HOST = stack.enter_context(standin()).url
    for database in settings.DATABASES:
        call_command("migrate", database=database, verbosity=0)
    _remember_gone_entries()
    who = User.objects.create_superuser("benchmark")
    client = Client()
    print(
        f"{reflections:,} reflections a day, kept for {REFLECTIONS_KEPT_DAYS} days; history for "
        f"{HISTORY_KEPT_DAYS}.\n{'day':>4}{'rows':>12}{'main MB':>9}{'cache MB':>9}"
        + "".join(f"{page:>15}" for page in PAGES)
        + f"{'pruning a day':>15}"
    )
    months = []
    for month in _months(days, reflections, who, client):
        months.append(month)
        print(_line(month), flush=True)
    _compare(months)


def _months(
    days: int,
    reflections: int,
    who: "django.contrib.auth.models.User",
    client: "django.test.Client",
) -> Iterator[Month]:
    took = 0.0
    for day in range(1, days + 1):
        now = BEGIN + day * DAY
        _live(day, now, reflections, who)
        began = time.process_time()
        _prune(now)
        took += time.process_time() - began
        if day % MONTH == 0 or day == days < MONTH:
            gc.collect()
            yield _month(day, now, who, client, took / min(day, MONTH))
            took = 0.0


def _remember_gone_entries() -> None:
    """Fill what is bounded by number, and full on a busy site's second day."""
    from cachestats.models import EntryUse
    from cachestats.services.removal import GONE_KEPT

    gone_ms = int(BEGIN.timestamp() * 1000)
    EntryUse.objects.bulk_create(
        (
            EntryUse(
                id=-number - 1, content_id=number, marks='{"model":"a80c4f17","prompt":"1b2c3d4e"}',
                cache_type="stage1_enrichment", model="llama3.2:3b", size_bytes=700, cost_ms=6_000,
                created_ms=gone_ms, expires_ms=gone_ms, used_ms=gone_ms - number, gone="expired",
            )
            for number in range(GONE_KEPT)
        ),
        2_000,
    )  # fmt: skip


def _live(
    day: int, now: datetime, reflections: int, who: "django.contrib.auth.models.User"
) -> None:
    """Write what a day leaves behind."""
    from cachestats.seeding.entries import add_entries
    from cachestats.seeding.lookups import add_lookups
    from enrichment import seeding

    computed = round(COMPUTED * reflections)
    add_entries(2 * computed, 1, day, now)
    add_lookups(2 * reflections, 1, day, now)
    seeding.seed(reflections, 1, day, now)
    chance = random.Random(day)
    _add_messages(now, chance)
    _add_acts(day, now, chance, who)


def _add_messages(now: datetime, chance: random.Random) -> None:
    """Write keys of submissions and messages to a webhook, of the day's reflections."""
    from enrichment.models import IdempotencyKey, Reflection, WebhookDelivery, WebhookEndpoint

    endpoint, _ = WebhookEndpoint.objects.get_or_create(
        url="https://app.example.org/", defaults={"events": [], "sealed_secret": ""}
    )
    made = Reflection.objects.filter(created_at__gte=now - DAY).values_list("pk", "created_at")
    keys, messages = [], []
    for reflection, at in made:
        if chance.random() < WITH_KEY:
            token = uuid.UUID(int=chance.getrandbits(128))
            keys.append(IdempotencyKey(digest=token.hex, token=token, reflection_id=reflection))
        messages += [
            WebhookDelivery(
                endpoint=endpoint, reflection_id=reflection, event=event, created_at=at, due_at=at,
                finished_at=at, status="delivered", attempts=1, http_status=204,
            )
            for event in ("stage1_complete", "complete")
        ]  # fmt: skip
    IdempotencyKey.objects.bulk_create(keys, 1_000)
    # Set on creation, to now.
    IdempotencyKey.objects.filter(created_at__gt=now).update(created_at=now - DAY / 2)
    WebhookDelivery.objects.bulk_create(messages, 1_000)


def _add_acts(
    day: int, now: datetime, chance: random.Random, who: "django.contrib.auth.models.User"
) -> None:
    """Write what people did, and what went wrong."""
    from django.contrib.admin.models import CHANGE, LogEntry
    from django.contrib.sessions.models import Session
    from django_q.models import Task

    from cachestats.models import Audit, ConfigRevision

    Session.objects.bulk_create(
        Session(session_key=f"{day}-{number}", expire_date=now + 14 * DAY)
        for number in range(SESSIONS)
    )
    LogEntry.objects.bulk_create(
        LogEntry(user=who, action_flag=CHANGE, action_time=now) for _ in range(ADMIN_ACTS)
    )
    Task.objects.bulk_create(
        Task(id=f"{day}-{number}", name="t", func="f", started=now, stopped=now, success=False)
        for number in range(FAILED_TASKS)
    )
    audits = [Audit(actor="ada", deleted=chance.randrange(9), freed_bytes=9) for _ in range(PURGES)]
    made = [audit.pk for audit in Audit.objects.bulk_create(audits)]
    Audit.objects.filter(pk__in=made).update(at=now)
    revision = ConfigRevision.objects.create()
    ConfigRevision.objects.filter(pk=revision.pk).update(created_at=now)


def _prune(now: datetime) -> None:
    """Take all turns of a day at once, without the rests between transactions."""
    from cachestats import retention

    for rule in retention.rules():
        for _ in rule.remove(now):
            pass


def _month(
    day: int,
    now: datetime,
    who: "django.contrib.auth.models.User",
    client: "django.test.Client",
    prune_seconds: float,
) -> Month:
    import time_machine
    from django.apps import apps
    from django.conf import settings

    from cachestats.services import checkpoint
    from cachestats.worth import weigh

    sizes = []
    for alias in ("default", "cache"):
        checkpoint(alias)
        sizes.append(Path(settings.DATABASES[alias]["NAME"]).stat().st_size)
    tables = apps.get_models(include_auto_created=True)
    with time_machine.travel(now):
        client.force_login(who)
        weigh(every=timedelta(0))
        page_ms = {page: _page_ms(client, page) for page in PAGES}
    return Month(
        day=day,
        rows={table._meta.label: table._default_manager.count() for table in tables},
        main_bytes=sizes[0],
        cache_bytes=sizes[1],
        page_ms=page_ms,
        prune_seconds=prune_seconds,
    )


def _page_ms(client: "django.test.Client", page: str) -> float:
    assert client.get(page).status_code == 200
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        client.get(page)
        times.append((time.process_time() - began) * 1000)
    return min(times)


def _line(month: Month) -> str:
    return (
        f"{month.day:>4}{sum(month.rows.values()):>12,}{month.main_bytes / 1e6:>9.1f}"
        f"{month.cache_bytes / 1e6:>9.1f}"
        + "".join(f"{ms:>12.0f} ms" for ms in month.page_ms.values())
        + f"{month.prune_seconds:>13.2f} s"
    )


def _compare(months: list[Month]) -> None:
    """Print the last month beside the third."""
    third, last = months[min(2, len(months) - 1)], months[-1]
    print(f"\n{'':<32}{f'day {third.day}':>12}{f'day {last.day}':>12}{'ratio':>8}")
    for name, count in sorted(third.rows.items(), key=lambda row: -row[1]):
        if max(count, last.rows[name]) > 100:
            print(_compared(name, count, last.rows[name]))
    print(_compared("bytes of the main file", third.main_bytes, last.main_bytes))
    print(_compared("bytes of the cache's file", third.cache_bytes, last.cache_bytes))
    for page, ms in third.page_ms.items():
        print(
            _compared(f"{page}, microseconds", round(ms * 1000), round(last.page_ms[page] * 1000))
        )


def _compared(name: str, third: int, last: int) -> str:
    ratio = f"{last / third:.2f}" if third else "–"
    return f"{name:<32}{third:>12,}{last:>12,}{ratio:>8}"


if __name__ == "__main__":
    main()
