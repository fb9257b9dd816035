"""What a worker process of the queue does beside its jobs: signs of life, leases, housekeeping."""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from django.utils import timezone

from cachestats import retention
from cachestats import services as cache_services
from cachestats.config import current
from enrichment import (
    call_rollups,
    calls,
    hosts,
    jobs,
    queue_samples,
    warm_ups,
)
from enrichment.again import queue_again
from enrichment.cluster import Family
from enrichment.errors import CallAborted, CircuitOpen, HostUnreachable, InferenceError
from enrichment.inference.ollama import OllamaClient
from enrichment.models import Job, Reflection, WorkerHeartbeat
from enrichment.models.jobs import Priority
from enrichment.stages.prompts import Method, beginnings
from enrichment.webhooks.courier import Courier

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
MODEL_EVERY_SECONDS = 2.0
TICKETS_EVERY_SECONDS = 5.0
SWEEP_EVERY_SECONDS = 300.0
COUNT_EVERY_SECONDS = 30.0
RELIST_EVERY_SECONDS = 3600.0
RETENTION_EVERY_SECONDS = 30.0

# The claim this process works on, with its job; one at a time.
_claims: dict[uuid.UUID, Job] = {}
# Of the qcluster that this process belongs to; there is none where a job is run by hand.
_family: Family | None = None


def join(family: Family) -> None:
    """Make this process and all that it forks workers of a family."""
    global _family  # noqa: PLW0603
    _family = family


def is_ending() -> bool:
    """Return whether this process is to begin nothing new."""
    return _family is not None and _family.ending


@contextmanager
def keeping_lease(job: Job) -> Iterator[None]:
    """Have the heartbeat renew a claim's lease for as long as the work lasts."""
    assert job.token is not None  # noqa: S101  # a claimed job has one
    _claims[job.token] = job
    try:
        yield
    finally:
        _claims.pop(job.token, None)


def start(**_signal: Any) -> None:
    """Start a worker process's housekeeping; called in the process once it has been forked."""
    logger.info("[PERF] Perfsite %s", settings.VERSION)
    logger.info("[PERF] Cache enabled: %s", current().config.caching.enabled)
    try:
        cache_services.relist()
        cache_services.sweep()
        logger.info("[PERF] Cache entries: %d", cache_services.count_entries())
    except cache_services.UNUSABLE as exc:
        logger.warning("[PERF] The cache can't be read: %s", exc)
    close_old_connections()
    threading.Thread(target=_beat, name="heartbeat", daemon=True).start()
    threading.Thread(target=Courier(is_ending).run, name="webhooks", daemon=True).start()
    for_ever = threading.Event()
    threading.Thread(target=keep_models, args=(for_ever,), name="models", daemon=True).start()
    threading.Thread(target=keep_counts, args=(for_ever,), name="counts", daemon=True).start()
    threading.Thread(target=keep_bounds, args=(for_ever,), name="retention", daemon=True).start()


def keep_models(stop: threading.Event) -> None:
    """Look after each host in a thread of its own: one that hangs keeps no other waiting."""
    hosts.wait_for_engine()
    threads: dict[str, threading.Thread] = {}
    while not stop.is_set():
        try:
            for client in hosts.get_client().clients:
                url = client.base_url
                if url not in threads or not threads[url].is_alive():
                    threads[url] = threading.Thread(
                        target=_keep_model, args=(url, stop), name=f"model at {url}", daemon=True
                    )
                    threads[url].start()
        except Exception:
            logger.exception("[PERF] Looking after the models failed and goes on")
        # Also where the database was away: a connection is looked at again only once it was let go.
        close_old_connections()
        stop.wait(MODEL_EVERY_SECONDS)


def _keep_model(url: str, stop: threading.Event) -> None:
    """Have a host's model loaded before the first job asks for it, and again when it was away."""
    loaded: bool | None = None
    while not stop.is_set() and (client := hosts.client_of(url)):
        loaded = look_after_model(client, loaded)
        close_old_connections()
        stop.wait(MODEL_EVERY_SECONDS)


def look_after_model(client: OllamaClient, loaded: bool | None) -> bool:
    """Load a host's model if need be, and try a host that was given up.

    Who asks for the sake of a job need not find out whether the host is back.

    Args:
        loaded: what was returned when one last looked; None at first.

    Returns:
        Whether the model is loaded.
    """
    try:
        if loaded and _is_away(client):
            return False
        if not loaded:
            client.preload(*beginnings(Method(current().config.scoring.method)))
        if hosts.is_given_up(client.base_url):
            client.probe()
    except (CircuitOpen, CallAborted):
        # Another one tries it, or just did; or a job's question had to end, and this one with it.
        return False
    except InferenceError as exc:
        # Each outage once, not at every try.
        if loaded is not False:
            logger.warning("[PERF] No model yet: %s", exc)
        return False
    except Exception:
        logger.exception("[PERF] Looking after the model failed and goes on")
        return False
    return True


def _is_away(client: OllamaClient) -> bool:
    """Return whether nothing listens at a host; one that is slow to answer is at work."""
    try:
        client.version()
    except HostUnreachable:
        return True
    except InferenceError:
        return False
    return False


def keep_counts(stop: threading.Event) -> None:
    """Sample the queue and add up what was counted, at least twice a minute.

    Apart from the heartbeat, because a million entries take seconds.
    """
    while not stop.wait(COUNT_EVERY_SECONDS):
        try:
            queue_samples.sample_queue()
            call_rollups.roll_up()
            cache_services.count_up()
        except cache_services.UNUSABLE as exc:
            logger.warning("[PERF] Counts wait for the database: %s", exc)
        except Exception:
            logger.exception("[PERF] Adding up counts failed and goes on")
        # Nobody keeps a connection for half a minute: PostgreSQL has a process for each.
        connections.close_all()


def keep_bounds(stop: threading.Event) -> None:
    """Take the turns at pruning that no other worker takes.

    Apart from the heartbeat and the counts, because a turn may take a minute.
    """
    while not stop.wait(RETENTION_EVERY_SECONDS):
        try:
            retention.keep()
        except DatabaseError as exc:
            logger.warning("[PERF] Pruning waits for the database: %s", exc)
        except Exception:
            logger.exception("[PERF] Pruning failed and goes on")
        connections.close_all()


def _is_in_vain(token: uuid.UUID, job: Job) -> bool:
    """Renew a claim's lease; return whether what the model is being asked for it is of no use.

    The job was cancelled or given to another; or it makes something ahead, and somebody came who
    waits for the model.
    """
    if not jobs.renew(token):
        return True
    return job.priority == Priority.BACKGROUND and jobs.people_wait()


def _beat() -> None:
    """Every two seconds: say that this process lives and keep its claim; at times, clean up."""
    name = jobs.worker_name()
    next_tickets = 0.0
    next_sweep = time.monotonic() + SWEEP_EVERY_SECONDS
    next_relist = time.monotonic() + RELIST_EVERY_SECONDS
    while True:
        try:
            for token, job in tuple(_claims.items()):
                if _is_in_vain(token, job) and token in _claims:
                    hosts.abort()
            now = timezone.now()
            WorkerHeartbeat.objects.beat(name, now)
            calls.flush()
            if time.monotonic() >= next_tickets:
                next_tickets = time.monotonic() + TICKETS_EVERY_SECONDS
                if Reflection.objects.filter(enrich_again=True).exists() and hosts.health().ok:
                    queue_again()
                jobs.top_up_tickets(warm_ups.claimable())
            if time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + SWEEP_EVERY_SECONDS
                cache_services.sweep()
            if time.monotonic() >= next_relist:
                next_relist = time.monotonic() + RELIST_EVERY_SECONDS
                cache_services.relist()
        except DatabaseError as exc:
            logger.warning("[PERF] Housekeeping waits for the database: %s", exc)
        except Exception:
            # Without a heartbeat the lease runs out and the work is done twice.
            logger.exception("[PERF] Housekeeping failed and goes on")
        # The cache's file may be another one by the next time, and a connection that broke in the
        # middle of all this is looked at again only once it was let go.
        close_old_connections()
        time.sleep(BEAT_SECONDS)
