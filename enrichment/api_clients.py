"""Clients of other APIs, with the site's cache and the tuning in force, for workers of your own."""

from cachestats.cache import get_cache
from cachestats.config import Config, current
from enrichment.inference.http import ApiClient
from enrichment.inference.http_messages import ApiSettings


def make_api_client() -> ApiClient:
    """Return a client to open by `async with`; the tuning in force now is its own until it ends.

    One for each event loop: its limits hold for what goes through it.
    """
    return ApiClient(api_settings(current().config), cache=get_cache())


def api_settings(config: Config) -> ApiSettings:
    """Return how the tuning has APIs spoken to."""
    networking = config.networking
    return ApiSettings(
        max_concurrent_requests=networking.max_concurrent_requests,
        per_host_limit=networking.per_host_limit,
        timeout_connect=networking.timeout_connect,
        timeout_read=networking.timeout_read,
        retry_attempts=networking.retry_attempts,
        retry_backoff_ms=networking.retry_backoff_ms,
    )
