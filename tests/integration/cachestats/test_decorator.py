"""@cached: a function keeps its ways, and computes each answer once."""

import asyncio
from typing import Any

import pytest

from cachestats import decorators
from cachestats.decorators import cached
from cachestats.errors import InvalidKeyMaterial, InvalidValue

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])


@pytest.fixture(autouse=True)
def _over_bench(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decorators, "get_cache", lambda: bench.cache)


class Counter:
    """A function that counts its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *args: Any) -> dict[str, Any]:
        self.calls.append(args)
        return {"made of": list(args)}


def test_cached_computes_once_however_the_argument_is_passed() -> None:
    """By place, by name or by default: the same call is the same entry."""
    count = Counter()

    @cached()
    def double(number: int, times: int = 2) -> Any:
        """Doubles."""
        return count(number, times)

    answers = [double(4), double(number=4), double(4, 2), double(4, times=2)]
    assert answers == [{"made of": [4, 2]}] * 4
    assert count.calls == [(4, 2)]
    assert double(5) == {"made of": [5, 2]}
    assert (double.__name__, double.__doc__) == ("double", "Doubles.")
    assert double.uncached(4) == {"made of": [4, 2]}
    assert len(count.calls) == 3


def test_cached_functions_of_other_names_share_nothing() -> None:
    """The function's full name is part of the key."""

    @cached()
    def one(number: int) -> str:
        return "one"

    @cached()
    def two(number: int) -> str:
        return "two"

    assert (one(1), two(1), one(1)) == ("one", "two", "one")


def test_cached_params_are_part_of_the_key() -> None:
    """A dict, or what a function makes of the arguments: other params, another answer."""
    version = {"version": 1}
    count = Counter()

    @cached(params=lambda text: version)
    def tell(text: str) -> Any:
        return count(text, version["version"])

    assert tell("a") == tell("a") == {"made of": ["a", 1]}
    version["version"] = 2
    assert tell("a") == {"made of": ["a", 2]}


def test_cached_method_by_content() -> None:
    """`content` makes the key where arguments are no JSON, as `self` is none."""

    class Teller:
        calls = 0

        @cached(content=lambda self, text: {"text": text})
        def tell(self, text: str) -> str:
            self.calls += 1
            return text.upper()

    teller = Teller()
    assert teller.tell("a") == teller.tell("a") == "A"
    assert teller.calls == 1


def test_cached_coroutine_functions_at_once_compute_once() -> None:
    """Of calls of one key in one event loop, one computes; the others wait without blocking."""
    count = Counter()

    @cached()
    async def slow(number: int) -> Any:
        await asyncio.sleep(0.05)
        return count(number)

    async def many() -> list[Any]:
        return await asyncio.gather(*(slow(1) for _ in range(10)))

    assert asyncio.run(many()) == [{"made of": [1]}] * 10
    assert len(count.calls) == 1


def test_cached_raising_is_not_stored() -> None:
    """An error goes to the caller, and the next call tries again."""
    count = Counter()

    @cached()
    def fail(number: int) -> Any:
        count(number)
        raise LookupError(number)

    for _ in range(2):
        with pytest.raises(LookupError):
            fail(1)
    assert len(count.calls) == 2


def test_cached_argument_that_is_no_json_is_told_by_name() -> None:
    """The error names the argument."""

    @cached()
    def tell(thing: object) -> str:
        return "told"

    with pytest.raises(InvalidKeyMaterial, match="thing"):
        tell(object())


def test_cached_result_that_is_no_json_is_told() -> None:
    """What would come back changed is not taken."""

    @cached()
    def pair() -> Any:
        return (1, 2)

    with pytest.raises(InvalidValue):
        pair()


def test_cached_wrong_use_is_told_at_once() -> None:
    """Not at the first call, but where it is written."""
    with pytest.raises(InvalidKeyMaterial):
        cached(cache_type="No")
    with pytest.raises(InvalidValue):
        cached(ttl=-1)

    def numbers() -> Any:
        yield 1

    for wrong in (numbers, int):
        with pytest.raises(TypeError):
            cached()(wrong)
