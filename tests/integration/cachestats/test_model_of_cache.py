"""The cache beside a model of it that a page explains: a dictionary with times.

Whatever is done, in whatever order: what is there, what is not, why not, and what the totals say.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import time_machine
from django.db.models import Count, Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cachestats import services
from cachestats.cache import CacheState
from cachestats.models import CacheEntry, EntryTotal, Reason
from cachestats.services import PurgeFilter
from tests.integration.cachestats.conftest import Bench, empty_tables

START = datetime(2026, 3, 1, tzinfo=UTC)
TYPES = ("default", "api")

contents = st.integers(0, 3)
prompts = st.integers(0, 1)
cache_types = st.sampled_from(TYPES)
ttls = st.sampled_from([1, 60, 3_600])
values = st.sampled_from([None, False, 0, "", {}, "x" * 100, ["y" * 300], {"z": 1.5}])


class Name(NamedTuple):
    """What an entry is stored under."""

    cache_type: str
    content: int
    prompt: int


class Entry(NamedTuple):
    """What the model knows of a stored entry; times in seconds since the start."""

    value: Any
    size: int
    expires: float
    used: float


class Machine(RuleBasedStateMachine):
    """Does the same to both, and compares."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        empty_tables()
        self.clock = time_machine.travel(START, tick=False)
        self.time = self.clock.start()
        self.cache = self.bench.another()
        self.move_to(0.0)
        self.there: dict[Name, Entry] = {}
        self.gone: dict[Name, Reason] = {}
        # When each was last stored or used: the newest tells what a changed key differs from.
        self.known: dict[Name, float] = {}

    def teardown(self) -> None:
        self.clock.stop()

    # What is done

    @rule(cache_type=cache_types, content=contents, prompt=prompts, value=values, ttl=ttls)
    def set(self, cache_type: str, content: int, prompt: int, value: Any, ttl: int) -> None:
        name = self.named(cache_type, content, prompt)
        assert self.cache.set(*self.args(name, value), ttl=ttl, cache_type=cache_type)
        self.stored(name, value, ttl)

    @rule(cache_type=cache_types, content=contents, prompt=prompts)
    def get(self, cache_type: str, content: int, prompt: int) -> None:
        name = self.named(cache_type, content, prompt)
        found = self.cache.get(*self.args(name), cache_type=cache_type, default="none")
        assert found == (self.used(name).value if self.is_live(name) else "none")
        self.settle()

    @rule(cache_type=cache_types, content=contents, prompt=prompts, value=values, ttl=ttls)
    def compute(self, cache_type: str, content: int, prompt: int, value: Any, ttl: int) -> None:
        name = self.named(cache_type, content, prompt)
        content_of, params = self.args(name)
        expected = self.reason(name)
        found = self.cache.get_or_compute(content_of, lambda: value, params, ttl, cache_type)
        if expected is None:
            assert (found.state, found.value) == (CacheState.HIT, self.used(name).value)
            self.settle()
        else:
            assert (found.state, found.reason, found.value) == (CacheState.MISS, expected, value)
            self.stored(name, value, ttl)

    @rule(seconds=st.sampled_from([1, 59, 600, 4_000]))
    def wait(self, seconds: int) -> None:
        self.pass_seconds(seconds)

    @rule()
    def expire(self) -> None:
        over = [name for name, entry in self.there.items() if entry.expires <= self.now]
        assert services.expire() == len(over)
        self.leave(over, Reason.EXPIRED)

    @rule(cache_type=cache_types)
    def purge(self, cache_type: str) -> None:
        names = [name for name in self.there if name.cache_type == cache_type]
        result = self.cache.purge(PurgeFilter(type=cache_type), "a test")
        assert result.deleted == len(names)
        assert result.freed_bytes == sum(self.there[name].size for name in names)
        self.leave(names, Reason.PURGED)

    @precondition(lambda self: self.there)
    @rule(share=st.floats(0, 1))
    def evict(self, share: float) -> None:
        bound = int(share * sum(entry.size for entry in self.there.values()))
        oldest = sorted(self.there, key=lambda name: self.there[name].used)
        evicted = []
        while sum(entry.size for name, entry in self.there.items() if name not in evicted) > bound:
            evicted.append(oldest.pop(0))
        assert services.evict(bound) == len(evicted)
        self.leave(evicted, Reason.EVICTED)

    @rule()
    def begin_another_process(self) -> None:
        self.cache = self.bench.another()
        services.relist()

    # What must hold

    @invariant()
    def totals_are_true(self) -> None:
        by_type = {
            cache_type: [entry.size for name, entry in self.there.items() if name[0] == cache_type]
            for cache_type in TYPES
        }
        expected = {name: (len(sizes), sum(sizes)) for name, sizes in by_type.items() if sizes}
        totals = EntryTotal.objects.filter(entries__gt=0).values_list(
            "cache_type", "entries", "size_bytes"
        )
        assert {name: (entries, size) for name, entries, size in totals} == expected
        counted = CacheEntry.objects.order_by().values_list("cache_type")
        counted = counted.annotate(Count("id"), Sum("size_bytes"))
        assert {name: (entries, size) for name, entries, size in counted} == expected

    # The model

    def named(self, cache_type: str, content: int, prompt: int) -> Name:
        # No two things happen at the same time, so that there is one least recent use.
        self.pass_seconds(0.01)
        return Name(cache_type, content, prompt)

    def pass_seconds(self, seconds: float) -> None:
        self.move_to(round(self.now + seconds, 2))

    def move_to(self, now: float) -> None:
        self.now = now
        self.time.move_to(START.timestamp() + now)
        self.bench.now_ms = round((START.timestamp() + now) * 1000)

    def args(self, name: Name, *values: Any) -> tuple[Any, ...]:
        return ({"content": name.content}, *values, {"model": "m", "prompt": name.prompt})

    def settle(self) -> None:
        self.cache.flush()

    def stored(self, name: Name, value: Any, ttl: int) -> None:
        self.settle()
        entry = CacheEntry.objects.get(
            id=self.cache.peek(*self.args(name), cache_type=name.cache_type).key.row_id
        )
        self.there[name] = Entry(value, len(bytes(entry.value)), self.now + ttl, self.now)
        self.known[name] = self.now
        self.gone.pop(name, None)

    def used(self, name: Name) -> Entry:
        self.there[name] = self.there[name]._replace(used=self.now)
        self.known[name] = self.now
        return self.there[name]

    def leave(self, names: list[Name], why: Reason) -> None:
        for name in names:
            del self.there[name]
            self.gone[name] = why

    def is_live(self, name: Name) -> bool:
        return name in self.there and self.now < self.there[name].expires

    def reason(self, name: Name) -> str | None:
        """Why there is no hit; None: there is one."""
        if name in self.there:
            return None if self.is_live(name) else Reason.EXPIRED
        if name in self.gone:
            return self.gone[name]
        other = name._replace(prompt=1 - name.prompt)
        return f"{Reason.CHANGED}: prompt" if other in self.known else Reason.FIRST_SEEN


def test_cache_does_what_its_model_does(bench: Any) -> None:
    """Values, misses with their reasons, expiry, least recent use and totals, in any order."""
    machine = type("TestedMachine", (Machine,), {"bench": bench})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
