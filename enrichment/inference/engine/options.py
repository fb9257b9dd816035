"""Ollama's `options` as llama.cpp's sampling parameters.

Honoured per request: num_predict, temperature, seed, top_k, top_p, min_p, typical_p,
repeat_penalty, repeat_last_n, presence_penalty, frequency_penalty and stop. `num_thread` is
honoured by loading the model anew (0.4 s), as Ollama does. `num_ctx` is accepted and has no
effect: the context is always CONTEXT_TOKENS. Any other option is ignored, as Ollama does.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from enrichment.inference.engine.errors import RefusedError

CONTEXT_TOKENS = 4096

_INTEGERS = ("num_predict", "seed", "top_k", "repeat_last_n", "num_thread", "num_ctx", "num_keep")
_FLOATS = (
    "temperature",
    "top_p",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
)
# The defaults that Ollama documents for a Modelfile; llama.cpp's own differ.
_DEFAULTS: dict[str, Any] = {
    "n_predict": -1,
    "seed": -1,
    "temperature": 0.8,
    "top_k": 40,
    "top_p": 0.9,
    "min_p": 0.0,
    "repeat_penalty": 1.1,
    "repeat_last_n": 64,
    "stop": [],
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """`sampling` goes to llama.cpp as it is; `num_thread` is None for the server's own number."""

    sampling: Mapping[str, Any]
    num_thread: int | None


def parse(raw: Mapping[str, Any]) -> Options:
    """Check and translate a request's options.

    Raises:
        RefusedError: 500 for a value of the wrong type, the status that Ollama answers with.
    """
    given: dict[str, Any] = {}
    for name, value in raw.items():
        if value is None:
            continue
        if name in _INTEGERS:
            given[name] = int(_number(name, value, "integer"))
        elif name in _FLOATS:
            given[name] = _number(name, value, "float32")
        elif name == "stop":
            given[name] = _stops(value)
    threads = given.pop("num_thread", 0)
    given.pop("num_ctx", None)
    given.pop("num_keep", None)
    if "num_predict" in given:
        # Ollama drops a 0 on the way to its runner, so it means "no limit" like -1.
        limit = given.pop("num_predict")
        given["n_predict"] = limit if limit > 0 else -1
    if given.get("repeat_last_n", 0) < 0:
        given["repeat_last_n"] = CONTEXT_TOKENS
    return Options(
        sampling={**_DEFAULTS, **given},
        num_thread=threads if threads > 0 else None,
    )


def _number(name: str, value: Any, kind: str) -> float:
    # bool is an int in Python, but true is no number in JSON.
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RefusedError(500, f'option "{name}" must be of type {kind}')
    return value


def _stops(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(stop, str) for stop in value):
        raise RefusedError(500, 'option "stop" must be of type array of strings')
    # An empty stop string would end every generation before its first token.
    return [stop for stop in value if stop]
