"""The untuned side: what an app does that calls Ollama as the first page of its documentation says.

It is meant to be a fair rival. One pooled httpx client serves all calls. Instructions stand first
and the text last, so that the server's prompt cache serves this side too. What comes is read
leniently, and a reply that can't be read is not asked for again, which would take longer still.
A second such side has a worked example in its conversation, without which a very small model hardly
ever answers in the form that it is asked for; with it, replies are shorter too.

What they do without: `options` (so all of Ollama's defaults hold), `keep_alive`, a schema in
`format`, streaming. The two options that they do send change no call's speed: a seed, so that a run
can be repeated, and a bound so far out that it only ends what would run on to the context's end.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from enrichment.stages import wheel
from tests.benchmarks.inference.sides import Named, Written

SAFETY_TOKENS = 1024
UNTUNED, WITH_EXAMPLE = "untuned", "untuned, with an example"
LEVELS = ("primary", "secondary", "tertiary")
SETTLING = "Today was like any other day."


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What one stage asks.

    form: of the reply, as the prompt shows it. example: a question and its reply. schema: of the
    reply, for the knob that adds one.
    """

    system: str
    form: str
    example: tuple[str, Mapping[str, Any]]
    schema: Mapping[str, Any]

    def messages(self, words: str, *, with_example: bool) -> list[dict[str, str]]:
        """Return the conversation that ends with somebody's words."""
        asked, answered = self.example
        example = (("user", asked), ("assistant", json.dumps(answered))) if with_example else ()
        system = f"{self.system} Answer only with JSON: {self.form}"
        turns = (("system", system), *example, ("user", words))
        return [{"role": role, "content": content} for role, content in turns]


def _object(**properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_WORD = {"type": "string"}
_THREE = {"type": "array", "items": _WORD, "minItems": 3, "maxItems": 3}
_SOME = {"type": "array", "items": _WORD, "maxItems": 3}

FEELING = Stage(
    system=(
        "You read diary entries and name how the writer feels: the primary emotion (sad, mad, "
        "scared, joyful, powerful or peaceful), a secondary and a tertiary emotion under it, what "
        "invoked it, and the tone that is expressed."
    ),
    form=(
        '{"primary": "...", "secondary": "...", "tertiary": "...", "invoked": ["..."], '
        '"expressed": ["..."]}'
    ),
    example=(
        "We had dinner with my sister and laughed all evening.",
        {
            "primary": "joyful",
            "secondary": "cheerful",
            "tertiary": "grateful",
            "invoked": ["connection"],
            "expressed": ["playful"],
        },
    ),
    schema=_object(primary=_WORD, secondary=_WORD, tertiary=_WORD, invoked=_SOME, expressed=_SOME),
)
WRITING = Stage(
    system=(
        "You write short, warm texts about a feeling: a poem of 3 lines, 3 tips of one sentence "
        "each, and a closing line."
    ),
    form='{"poem": ["...", "...", "..."], "tips": ["...", "...", "..."], "closing_line": "..."}',
    example=(
        "Feeling: peaceful, content, calm",
        {
            "poem": [
                "The rain taps softly on the kitchen window.",
                "A kettle hums while the street grows dark.",
                "My hands rest warm around a blue cup.",
            ],
            "tips": [
                "Open a window and listen to the rain.",
                "Stretch your shoulders slowly, one by one.",
                "Write a short note to an old friend.",
            ],
            "closing_line": "The evening is quiet and it is yours.",
        },
    ),
    schema=_object(poem=_THREE, tips=_THREE, closing_line=_WORD),
)


class PlainApp:
    """An app without tuning, or with one knob of it.

    Args:
        example: show a worked example.
        schema: send each stage's schema in `format`.
        bounds: the longest reply of each stage in tokens.
        stops_early: stream, and hang up once the JSON object is whole.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        name: str = UNTUNED,
        example: bool = False,
        schema: bool = False,
        bounds: tuple[int, int] = (SAFETY_TOKENS, SAFETY_TOKENS),
        stops_early: bool = False,
    ) -> None:
        self.name = name
        self._http = httpx.Client(base_url=url, timeout=None)
        self._model = model
        self._example = example
        self._schema = schema
        self._bounds = bounds
        self._stops_early = stops_early

    def settle(self) -> None:
        """Load the model as this side has it, with its instructions in the prompt cache."""
        for stage, words in ((FEELING, SETTLING), (WRITING, "Feeling: calm")):
            body = self._body(stage, words, {"num_predict": 1}) | {"stream": False}
            self._http.post("/api/chat", json=body).raise_for_status()

    def stage1(self, text: str, number: int) -> Named:
        reply, cut = self._ask(FEELING, text, self._bounds[0], number)
        found = first_object(reply) or {}
        words = tuple(str(found[level]) for level in LEVELS if found.get(level))
        return Named(
            primary=primary_in(*words, reply), words=words, answered="primary" in found, cut=cut
        )

    def stage2(self, named: Named, number: int) -> Written:
        feeling = f"Feeling: {', '.join(named.words) or named.primary or 'mixed'}"
        reply, cut = self._ask(WRITING, feeling, self._bounds[1], number)
        return Written(answered=is_writing(first_object(reply)), cut=cut)

    def _ask(self, stage: Stage, words: str, bound: int, seed: int) -> tuple[str, bool]:
        """Return what the model wrote, and whether its bound cut it."""
        body = self._body(stage, words, {"num_predict": bound, "seed": seed})
        if self._stops_early:
            return self._read_until_whole(body)
        response = self._http.post("/api/chat", json=body).raise_for_status()
        answer = response.json()
        return answer["message"]["content"], answer.get("done_reason") == "length"

    def _body(self, stage: Stage, words: str, options: Mapping[str, int]) -> dict[str, Any]:
        messages = stage.messages(words, with_example=self._example)
        asked = {"model": self._model, "messages": messages}
        form = {"format": stage.schema} if self._schema else {}
        return {**asked, **form, "stream": self._stops_early, "options": options}

    def _read_until_whole(self, body: Mapping[str, Any]) -> tuple[str, bool]:
        text = ""
        with self._http.stream("POST", "/api/chat", json=body) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                piece = json.loads(line)
                text += piece["message"]["content"]
                if piece.get("done"):
                    return text, piece.get("done_reason") == "length"
                if "}" in piece["message"]["content"] and first_object(text):
                    break
        return text, False


def objects_in(reply: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a reply, with whatever words around them."""
    decoder = json.JSONDecoder()
    for place in re.finditer("{", reply):
        try:
            found, _ = decoder.raw_decode(reply, place.start())
        except (ValueError, RecursionError):
            continue
        yield found


def first_object(reply: str) -> dict[str, Any] | None:
    """Return the first JSON object in a reply; None where there is none."""
    return next(objects_in(reply), None)


def primary_in(*words: str) -> str | None:
    """Return the primary of the first word that the wheel knows, also as an everyday name."""
    for word in re.findall(r"[a-z]+", " ".join(words).lower()):
        if path := wheel.find(word):
            return path[0]
    return None


def is_writing(found: Mapping[str, Any] | None) -> bool:
    """Return whether an object holds three poem lines and tips at least, and a closing line."""
    match found:
        case {"poem": [_, _, _, *_], "tips": [_, _, _, *_], "closing_line": str()}:
            return True
    return False
