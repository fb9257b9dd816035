"""llama.cpp through xllamacpp: the only module that touches the native library.

Its completion endpoint takes JSON and calls back with JSON, in OpenAI's shape with llama.cpp's
`timings` and `prompt_progress` added.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from enrichment.inference.engine.errors import AbandonedError, EngineUnavailableError, RefusedError
from enrichment.inference.engine.options import CONTEXT_TOKENS
from enrichment.inference.engine.protocol import Outcome, Piece, Request

# A generation can stop between two batches of its prompt. 64 tokens take a quarter of a second
# on two cores and cost 3 % of the prompt speed at 512.
BATCH_TOKENS = 64
# Prompts that left the slot for another one, kept as 23 KB a token: both stages' static
# prefixes stay reusable although there is only one slot.
PROMPT_CACHE_MIB = 64
# A small model can fall into a loop; Ollama aborts after as many identical tokens.
MAX_IDENTICAL_TOKENS = 30

# Without this the grammar allows white space anywhere and a small model runs on in blanks.
_COMPACT_JSON = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
# No JSON text begins with it, so it can come out only where no grammar holds.
_NEVER_IN_JSON = " the"


class Llama:
    """The loaded model, until closed. Not for two threads at once."""

    def __init__(self, path: Path, threads: int) -> None:
        # Imported here because on an unfit processor the import itself ends the process.
        try:
            xllamacpp = import_module("xllamacpp")
        except ImportError as exc:
            raise EngineUnavailableError(f"xllamacpp can't be imported: {exc}.") from exc
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = CONTEXT_TOKENS
        params.n_parallel = 1
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.cache_ram_mib = PROMPT_CACHE_MIB
        params.verbosity = -1
        # The library always opens an HTTP server of its own on a free loopback port. Nobody is
        # told the key.
        params.api_keys = [secrets.token_urlsafe(32)]
        params.cors_origins = ""
        params.ui = False
        params.n_threads_http = 1
        try:
            self._server: Any = xllamacpp.Server(params)
        except RuntimeError as exc:
            raise EngineUnavailableError(f"llama.cpp could not load {path.name}.") from exc
        self.threads = threads
        self._known_schemas: set[str] = set()

    def close(self) -> None:
        """Free the model's memory now, whoever still holds this object (a traceback may)."""
        self._server = None

    def generate(
        self,
        request: Request,
        on_piece: Callable[[Piece], None],
        wanted: Callable[[], bool],
    ) -> Outcome:
        """Run a prompt, handing out its reply as it comes.

        Args:
            request: one with a prompt.
            on_piece: called in this thread; what it raises ends the generation and goes on up.
            wanted: asked after every batch of the prompt and after every token.

        Raises:
            AbandonedError: `wanted` said no.
            RefusedError: llama.cpp refused the prompt or the schema.
        """
        payload: dict[str, Any] = {
            **request.options.sampling,
            "prompt": request.prompt,
            "cache_prompt": True,
        }
        if request.logprobs:
            payload["n_probs"] = max(1, request.top_logprobs)
        if request.schema is not None:
            payload["json_schema"] = {**request.schema, "x-guidance": _COMPACT_JSON}
            self._check_schema(payload["json_schema"], wanted)
        return self._complete(payload, _Reply(on_piece, wanted, request.top_logprobs))

    def _check_schema(self, schema: Mapping[str, Any], wanted: Callable[[], bool]) -> None:
        # A schema that doesn't compile is dropped without a word, and the reply would be free
        # text. So try it on one token, pushed towards what no JSON text begins with (10 ms).
        text = json.dumps(schema)
        if text in self._known_schemas:
            return
        heard: list[str] = []
        payload = {
            "prompt": "x",
            "n_predict": 1,
            "temperature": 0,
            "logit_bias": [[_NEVER_IN_JSON, 100]],
            "json_schema": schema,
        }
        self._complete(payload, _Reply(lambda piece: heard.append(piece.text), wanted, 0))
        if "".join(heard).startswith(_NEVER_IN_JSON):
            raise RefusedError(400, "invalid JSON schema in format")
        self._known_schemas.add(text)

    def _complete(self, payload: Mapping[str, Any], reply: "_Reply") -> Outcome:
        # return_progress makes it call back between the batches of the prompt too. An unpaired
        # surrogate becomes a question mark, where UTF-8 would have no bytes for it.
        text = json.dumps({**payload, "stream": True, "return_progress": True}, ensure_ascii=False)
        self._server.handle_completions(text.encode("utf-8", "replace"), reply.receive)
        return reply.outcome()


class _Reply:
    """Takes in llama.cpp's chunks of one completion."""

    def __init__(
        self, on_piece: Callable[[Piece], None], wanted: Callable[[], bool], top_logprobs: int
    ) -> None:
        self._on_piece = on_piece
        self._wanted = wanted
        self._top_logprobs = top_logprobs
        self._failure: BaseException | None = None
        self._outcome: Outcome | None = None
        self._started = time.perf_counter_ns()
        self._first_token_at = 0
        self._prompt_tokens = 0
        self._tokens = 0
        self._last_text = ""
        self._repeats = 0

    def receive(self, chunk: bytes) -> bool:
        """Handle one chunk; True tells llama.cpp to stop. Nothing may be raised through it."""
        try:
            return self._take(json.loads(chunk))
        except BaseException as exc:
            self._failure = exc
            return True

    def outcome(self) -> Outcome:
        """Say how it went, or raise what ended it."""
        if (failure := self._failure) is not None:
            # Its traceback leads back to this object, which would live on in a cycle.
            self._failure = None
            raise failure
        if self._outcome is None:
            raise RefusedError(500, "llama.cpp ended without a result")
        return self._outcome

    def _take(self, chunk: Mapping[str, Any]) -> bool:
        if not self._wanted():
            raise AbandonedError("the client has gone")
        if "error" in chunk:
            error = chunk["error"]
            raise RefusedError(error.get("code", 500), error.get("message", "llama.cpp failed"))
        if "prompt_progress" in chunk:
            self._prompt_tokens = chunk["prompt_progress"]["total"]
            return False
        choice = chunk["choices"][0]
        if choice["finish_reason"] is not None:
            self._outcome = _outcome(choice["finish_reason"], chunk["timings"])
            return False
        self._first_token_at = self._first_token_at or time.perf_counter_ns()
        self._tokens += 1
        piece = Piece(text=choice["text"], logprobs=self._logprobs(choice))
        if piece.text or piece.logprobs:
            self._on_piece(piece)
        return self._is_looping(piece.text)

    def _logprobs(self, choice: Mapping[str, Any]) -> list[dict[str, Any]]:
        entries = (choice.get("logprobs") or {}).get("content") or []
        # An entry without text is the token that ends the reply; Ollama doesn't send it.
        return [_logprob(entry, self._top_logprobs) for entry in entries if entry["token"]]

    def _is_looping(self, text: str) -> bool:
        self._repeats = self._repeats + 1 if text.strip() == self._last_text else 0
        self._last_text = text.strip()
        if self._repeats <= MAX_IDENTICAL_TOKENS:
            return False
        now = time.perf_counter_ns()
        self._outcome = Outcome(
            done_reason="length",
            prompt_eval_count=self._prompt_tokens,
            prompt_eval_duration=self._first_token_at - self._started,
            eval_count=self._tokens,
            eval_duration=now - self._first_token_at,
        )
        return True


def _outcome(reason: str, timings: Mapping[str, Any]) -> Outcome:
    return Outcome(
        done_reason=reason,
        prompt_eval_count=timings["cache_n"] + timings["prompt_n"],
        prompt_eval_duration=round(timings["prompt_ms"] * 1e6),
        eval_count=timings["predicted_n"],
        eval_duration=round(timings["predicted_ms"] * 1e6),
    )


def _logprob(entry: Mapping[str, Any], top: int) -> dict[str, Any]:
    shaped = _token(entry)
    if top:
        shaped["top_logprobs"] = [_token(other) for other in entry["top_logprobs"][:top]]
    return shaped


def _token(entry: Mapping[str, Any]) -> dict[str, Any]:
    shaped = {"token": entry["token"], "logprob": entry["logprob"]}
    # A special token has an empty text; Ollama then leaves `bytes` out.
    return {**shaped, "bytes": entry["bytes"]} if entry["token"] else shaped
