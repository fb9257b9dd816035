"""All that is known of one entry, as its page shows it: also of one that is gone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from cachestats import config, services
from cachestats.listing import EntryReport, find_entry
from cachestats.models import EntryUse
from cachestats.models.entries import moment, row_id

# What a whole number of seconds loses of a time to live.
ROUNDING_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class TtlRule:
    """Which setting says how long entries of a type live, and where that is set.

    source: "default", "file" or "revision N".
    """

    setting: str
    seconds: int
    source: str


@dataclass(frozen=True, kw_only=True)
class EntryDetail:
    """An entry with its value, which not everybody may see.

    value: None of a damaged one. lifetime_seconds: that it was given when it was stored.
    saved_seconds: its hits times what computing it took; None where that is not known.
    parameters: the names of what it was asked with; nothing else is kept of them.
    """

    entry: EntryReport
    value: Any
    damaged: bool
    rule: TtlRule
    lifetime_seconds: int
    saved_seconds: float | None
    parameters: tuple[str, ...]

    @property
    def follows_rule(self) -> bool:
        """Whether it lives for as long as the rule in force says."""
        return abs(self.lifetime_seconds - self.rule.seconds) <= ROUNDING_SECONDS


@dataclass(frozen=True, kw_only=True)
class DepartedEntry:
    """An entry that is gone. why: expired, evicted or purged. used_at: stored or last hit."""

    key: str
    type: str
    model: str
    hits: int
    used_at: datetime
    why: str


def entry_detail(digits: str) -> EntryDetail | DepartedEntry | None:
    """Return what is known of the entry of these 16 digits; None if that is nothing."""
    use = EntryUse.objects.filter(id=row_id(bytes.fromhex(digits))).first()
    entry, stored = find_entry(digits), services.stored_value(digits)
    if entry is None or stored is None:
        return _departed(use) if use is not None and use.gone else None
    return EntryDetail(
        entry=entry,
        value=stored.decoded(),
        damaged=stored.damaged,
        rule=ttl_rule(entry.type),
        lifetime_seconds=round((entry.expires_at - entry.created_at).total_seconds()),
        saved_seconds=None if entry.cost_ms is None else entry.hits * entry.cost_ms / 1000,
        parameters=tuple(sorted(orjson.loads(use.marks))) if use else (),
    )


def ttl_rule(cache_type: str) -> TtlRule:
    """Return the rule in force for a type."""
    effective = config.current()
    caching = effective.config.caching
    if cache_type in caching.ttl_by_type:
        name = "ttl_by_type"
    elif cache_type == "api":
        name = "ttl_api"
    else:
        name = "default_ttl"
    setting = f"caching.{name}"
    return TtlRule(
        setting=f"{setting}.{cache_type}" if name == "ttl_by_type" else setting,
        seconds=caching.ttl(cache_type),
        source=effective.sources[setting],
    )


def _departed(use: EntryUse) -> DepartedEntry:
    return DepartedEntry(
        key=use.digits,
        type=use.cache_type,
        model=use.model,
        hits=use.hits,
        used_at=moment(use.used_ms),
        why=use.gone,
    )
