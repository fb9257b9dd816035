"""What is asked of the model: typed questions that build both their prompt and their key.

One object makes both, so that nothing that changes the answer can be missing from the key.
Prompts have a static beginning, in the same bytes each time, which the host's prompt cache keeps.
"""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from enrichment.inference.messages import ChatRequest, GenerateRequest, ModelIdentity
from enrichment.stages import blending, language, lexicon, likelihood, review, vocabulary, wheel
from enrichment.stages.quoting import quoted

TOP_CANDIDATES = 20  # the most that Ollama reports


def normalise_text(text: str) -> str:
    """Return the text that is scored: NFC, trimmed, white space folded; case and marks stay."""
    return " ".join(unicodedata.normalize("NFC", text).split())


@dataclass(frozen=True, kw_only=True)
class FeelingQuestion:
    """Stage 1: how does the writer of this text feel?

    scope: whose cached answers may be shared. model_weight: of the blend, 0 to 1.
    """

    text: str
    language: str
    scope: str
    model: ModelIdentity
    num_ctx: int
    model_weight: float

    CACHE_TYPE: ClassVar[str] = "stage1_enrichment"
    PROMPT_VERSION: ClassVar[str] = "2"

    @property
    def content(self) -> Mapping[str, Any]:
        return {"text": self.text}

    @property
    def params(self) -> Mapping[str, Any]:
        return {
            "scope": self.scope,
            "language": self.language,
            "method": "likelihood",
            "model": self.model.name,
            "digest": self.model.digest,
            "prompt": self.PROMPT_VERSION,
            "wheel": wheel.WHEEL_VERSION,
            "lexicon": lexicon.LEXICON_HASH,
            "reading": language.LANGUAGE_HASH,
            "vocabulary": vocabulary.VOCABULARY_HASH,
            "calibration": likelihood.CALIBRATION_HASH,
            "blending": blending.BLENDING_HASH,
            "model_weight": self.model_weight,
            "num_ctx": self.num_ctx,
        }

    def primary(self) -> GenerateRequest:
        """Ask for the next word after "The writer feels"."""
        return self._ask("The writer feels")

    def below(self, primary: str) -> GenerateRequest:
        """Ask, behind the same words, for a finer word under a primary."""
        plain = likelihood.PLAIN_WORDS[primary]
        return self._ask(f"The writer feels {plain}. More exactly, the writer feels")

    def _ask(self, beginning: str) -> GenerateRequest:
        return GenerateRequest(
            prompt=f'Diary: "{quoted(self.text)}"\nHow does the writer feel? {beginning}',
            raw=True,
            options={"num_predict": 1, "temperature": 0},
            top_logprobs=TOP_CANDIDATES,
        )


SYSTEM = (
    "You write short, warm, concrete texts about a feeling, in plain words about everyday things. "
    "Answer with JSON: poem (3 lines), tips (3 small things to do), closing_line. "
    "Be calm and kind."
)
EXAMPLE_FEELING = "Feeling: peaceful, content, calm. Theme: contentment."
EXAMPLE = json.dumps(
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
    separators=(",", ":"),
)


def writing_schema(poem: str, tip: str, closing: str) -> Mapping[str, Any]:
    """Return the schema of a reply whose strings match anchored patterns."""

    def three(pattern: str) -> Mapping[str, Any]:
        line = {"type": "string", "pattern": pattern}
        return {"type": "array", "items": line, "minItems": 3, "maxItems": 3}

    return {
        "type": "object",
        "properties": {
            "poem": three(poem),
            "tips": three(tip),
            "closing_line": {"type": "string", "pattern": closing},
        },
        "required": ["poem", "tips", "closing_line"],
        "additionalProperties": False,
    }


# Strings are bounded so that the longest legal reply fits num_predict_long.
_FREE = r"^[A-Z][A-Za-z ,']{14,66}\.$"
FREE_SCHEMA = writing_schema(_FREE, _FREE, _FREE)
# A very small model is led by the hand: each line begins with something concrete, each tip with
# something to do. Of SmolLM2-135M's free replies none in 8 passed the review within two attempts,
# of these 20 in 20.
LED_SCHEMA = writing_schema(
    r"^(The|A) (rain|kettle|window|garden|street|sky|morning|evening|light|river|kitchen|lamp|bread"
    r"|tea|wind|sea|path|tree|bird|cup|song|road|moon|sun) [a-z][a-z ']{10,50}\.$",
    r"^(Walk slowly|Walk around|Open the window|Drink some (water|tea)|Write down"
    r"|Call an old friend|Listen to (music|the|a)|Stretch your (arms|shoulders|legs)"
    r"|Take a (walk|breath|bath|break|seat)|Step outside|Look (at|out of) the"
    r"|Hold a (cup|warm|smooth)|Rest your (hands|eyes|feet)|Put on"
    r"|Make some (tea|soup|bread|coffee)|Read a (page|book|poem)|Sit (by|in|with) (a|the)"
    r"|Cook something|Wash your (hands|face)|Draw a) [a-z][a-z ']{8,46}\.$",
    r"^(The|This) (day|evening|morning|hour|moment|quiet|house) (is|stays|feels|can be)"
    r" (yours|calm|quiet|warm|gentle|kind|slow|soft|enough|still|open|light)"
    r"( and| for| with| in| like| when| as| here| now) [a-z][a-z ']{4,30}\.$",
)


@dataclass(frozen=True, kw_only=True)
class WritingQuestion:
    """Stage 2: three poem lines, three tips and a closing line for a feeling.

    Nothing of the reflection but its place on the wheel and its drivers, both from closed lists,
    so that one person's words never reach another. led: the model is too small to write freely.
    """

    primary: str
    secondary: str | None
    tertiary: str | None
    invoked: tuple[str, ...]
    language: str
    variant: int
    model: ModelIdentity
    num_ctx: int
    num_predict: int
    temperature: float
    led: bool

    CACHE_TYPE: ClassVar[str] = "stage2_enrichment"
    PROMPT_VERSION: ClassVar[str] = "1"

    @property
    def content(self) -> Mapping[str, Any]:
        return {
            "primary": self.primary,
            "secondary": self.secondary,
            "tertiary": self.tertiary,
            "invoked": list(self.invoked),
            "language": self.language,
        }

    @property
    def params(self) -> Mapping[str, Any]:
        return {
            "model": self.model.name,
            "digest": self.model.digest,
            "prompt": self.PROMPT_VERSION,
            "wheel": wheel.WHEEL_VERSION,
            "review": review.REVIEW_VERSION,
            "variant": self.variant,
            "num_ctx": self.num_ctx,
            "num_predict": self.num_predict,
            "temperature": self.temperature,
            "led": self.led,
        }

    def writing(self, attempt: int) -> ChatRequest:
        """Ask for the text; another attempt has another seed, or it would repeat itself."""
        return ChatRequest(
            messages=(
                ("system", SYSTEM),
                ("user", EXAMPLE_FEELING),
                ("assistant", EXAMPLE),
                ("user", f"Feeling: {self._feeling()}. Theme: {self._theme()}."),
            ),
            format=LED_SCHEMA if self.led else FREE_SCHEMA,
            options={
                "num_predict": self.num_predict,
                "temperature": self.temperature,
                "seed": self.variant * 1000 + attempt,
            },
        )

    def _feeling(self) -> str:
        return ", ".join(word for word in (self.primary, self.secondary, self.tertiary) if word)

    def _theme(self) -> str:
        return ", ".join(name.replace("_", " ") for name in self.invoked) or "everyday life"
