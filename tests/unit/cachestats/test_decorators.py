"""What @cached accepts where it is written, and what it leaves of a function."""

import inspect
import runpy
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cachestats.decorators import cached, name_of
from cachestats.errors import InvalidKeyMaterial, InvalidValue


def _numbers() -> Iterator[int]:
    yield 1


async def _numbers_in_time() -> AsyncIterator[int]:
    yield 1


def _add(first: int, *more: int, scale: int = 1) -> int:
    return (first + sum(more)) * scale


@pytest.mark.parametrize(
    "wrong", [_numbers, _numbers_in_time, int, len, partial(_add, 1), lambda: 1, [].append]
)
def test_cached_without_one_answer_or_a_name_is_refused(wrong: Any) -> None:
    """Generators, classes, lambdas and bound methods would give wrong answers, or none."""
    with pytest.raises(TypeError):
        cached()(wrong)


def test_cached_without_parentheses_tells_to_write_them() -> None:
    """The commonest mistake has a message of its own."""
    with pytest.raises(TypeError, match=r"write @cached\(\)"):
        cached(_add)  # type: ignore[arg-type]


@pytest.mark.parametrize("ttl", [-1, 1.5, "60", True, 10**12])
def test_cached_ttl_that_nothing_can_live_is_refused(ttl: Any) -> None:
    """Where it is written, not at the first call."""
    with pytest.raises(InvalidValue, match="ttl"):
        cached(ttl=ttl)


@pytest.mark.parametrize(
    "wrong", [{"cache_type": "No"}, {"cache_type": ""}, {"params": {"at": 1j}}]
)
def test_cached_type_or_params_that_make_no_key_are_refused(wrong: Any) -> None:
    """Where it is written, not at the first call."""
    with pytest.raises(InvalidKeyMaterial):
        cached(**wrong)


def test_cached_keeps_signature_and_kind() -> None:
    """Frameworks that look at a function see the same one."""

    async def wait(seconds: int = 1) -> int:
        return seconds

    kept = cached()(_add)
    assert inspect.signature(kept) == inspect.signature(_add)
    assert (kept.__module__, kept.uncached) == (_add.__module__, _add)
    assert inspect.iscoroutinefunction(cached()(wait))


def test_name_of_script_is_the_name_it_is_imported_by(tmp_path: Path) -> None:
    """Two scripts are two modules, and a function has one name however it is started."""
    script = tmp_path / "night_worker.py"
    script.write_text("from cachestats.decorators import name_of\ndef f(): ...\nname = name_of(f)")
    assert runpy.run_path(str(script), run_name="__main__")["name"] == "night_worker.f"
    assert name_of(_add).endswith("test_decorators._add")
