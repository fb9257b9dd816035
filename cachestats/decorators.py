"""@cached: any function's answers are kept in the cache. It changes nothing else about them."""

import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, overload

from cachestats.cache import get_cache
from cachestats.entries import check_ttl
from cachestats.errors import InvalidKeyMaterial, InvalidValue
from cachestats.keys import CACHE_TYPE, canonical

P = ParamSpec("P")
Rest = ParamSpec("Rest")
OwnerT = TypeVar("OwnerT")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

JsonObject = Mapping[str, Any]


class Cached(Protocol[P, R_co]):
    """A function as it was, whose answers are kept; `uncached` is the function itself."""

    uncached: Callable[..., Any]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...

    @overload
    def __get__(self, instance: None, owner: type) -> "Cached[P, R_co]": ...

    @overload
    def __get__(
        self: "Cached[Concatenate[OwnerT, Rest], R]", instance: OwnerT, owner: type
    ) -> Callable[Rest, R]: ...


def cached(
    cache_type: str = "default",
    ttl: int | None = None,
    params: JsonObject | Callable[..., JsonObject] | None = None,
    content: Callable[..., JsonObject] | None = None,
) -> Callable[[Callable[P, R]], Cached[P, R]]:
    """Return a decorator that keeps the answers of a function, synchronous or not.

    The key is made of the function's module and name, its arguments with defaults filled in, and
    `params`. What else the answer depends on (globals, what a closure holds, the function's own
    code) must be named in `params`, or a change of it goes unnoticed.

    Args:
        ttl: seconds; None is the type's default, 0 means: do not store.
        params: what changes the answer beside the arguments, as "model" and "version": an
            object, or a function of the same arguments that returns one.
        content: a function of the same arguments that returns the object which stands for them
            in the key; for methods, and for arguments that aren't JSON.

    Raises:
        InvalidKeyMaterial: cache_type or params; in a call, an argument that is not JSON.
        InvalidValue: ttl; in a call, the function returned what is not JSON.
        TypeError: what is decorated has no single answer (a class, a generator), or no name.
    """
    if not isinstance(cache_type, str):
        raise TypeError("cached takes a cache_type: write @cached(), with parentheses")
    if not CACHE_TYPE.fullmatch(cache_type):
        raise InvalidKeyMaterial("cache_type must be 1 to 40 of a-z, 0-9 and _")
    if ttl is not None and type(ttl) is not int:
        raise InvalidValue("ttl must be whole seconds")
    check_ttl(ttl)
    if not callable(params):
        canonical(params, "params")

    def decorate(function: Callable[P, R]) -> Cached[P, R]:
        check_function(function)
        key_of = _KeyOf(function, params, content)

        def asked(*args: P.args, **kwargs: P.kwargs) -> Any:
            key = key_of(args, kwargs)
            compute = partial(function, *args, **kwargs)
            try:
                return get_cache().get_or_compute(key[0], compute, key[1], ttl, cache_type).value
            except InvalidKeyMaterial:
                key_of.explain(args, kwargs)
                raise

        async def aasked(*args: P.args, **kwargs: P.kwargs) -> Any:
            key = key_of(args, kwargs)
            compute = cast(Callable[[], Awaitable[Any]], partial(function, *args, **kwargs))
            try:
                cache = get_cache()
                return (await cache.aget_or_compute(key[0], compute, key[1], ttl, cache_type)).value
            except InvalidKeyMaterial:
                key_of.explain(args, kwargs)
                raise

        wrapper = wraps(function)(aasked if inspect.iscoroutinefunction(function) else asked)
        wrapper.uncached = function  # type: ignore[attr-defined]  # a function takes any attribute
        return cast(Cached[P, R], wrapper)

    return decorate


class _KeyOf:
    """Makes content and params of a call's arguments."""

    def __init__(
        self,
        function: Callable[..., Any],
        params: JsonObject | Callable[..., JsonObject] | None,
        content: Callable[..., JsonObject] | None,
    ) -> None:
        self._name = name_of(function)
        self._signature = inspect.signature(function)
        self._params = params
        self._content = content

    def __call__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[JsonObject, JsonObject | None]:
        content = self._content
        arguments = self._bind(args, kwargs) if content is None else content(*args, **kwargs)
        params = self._params
        # Always with the name: two functions of one text have two answers.
        return (
            {"function": self._name, "arguments": arguments},
            params(*args, **kwargs) if callable(params) else params,
        )

    def explain(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise InvalidKeyMaterial naming the argument, if one is not JSON."""
        if self._content is not None:
            return
        for name, value in self._bind(args, kwargs).items():
            try:
                canonical(value, f"arguments.{name}")
            except InvalidKeyMaterial as exc:
                raise InvalidKeyMaterial(
                    f"{self._name}: {exc}; "
                    "give @cached a content= that says what stands for the arguments"
                ) from exc

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments


def check_function(function: object) -> None:
    """Raise TypeError for what has no single answer, or no name that tells it from others."""
    if not inspect.isfunction(function):
        raise TypeError(f"cached takes a function, and below @staticmethod: not {function!r}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{function.__qualname__} is a generator: it has no single answer")
    if function.__name__ == "<lambda>":
        raise TypeError("a lambda has no name that tells it from others: use def")


def name_of(function: Callable[..., Any]) -> str:
    """Return module and name, the same whether the module is imported or run as a script."""
    module = function.__module__
    if module in {"__main__", "__mp_main__"}:
        main = sys.modules[module]
        spec = getattr(main, "__spec__", None)
        module = spec.name if spec else Path(getattr(main, "__file__", None) or module).stem
    return f"{module}.{function.__qualname__}"
