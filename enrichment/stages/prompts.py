"""What is asked of the model: typed questions that build both their prompt and their key.

One object makes both, so that nothing that changes the answer can be missing from the key.
Prompts have a static beginning, in the same bytes each time, which the host's prompt cache keeps.
"""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from enrichment.images import CLEANING_VERSION, CleanImage
from enrichment.inference.messages import ChatRequest, GenerateRequest, ModelIdentity
from enrichment.stages import (
    language,
    lexicon,
    likelihood,
    review,
    vocabulary,
    wheel,
    writing_leads,
)
from enrichment.stages.blending import Weights
from enrichment.stages.quoting import quoted
from enrichment.stages.writing_schemas import FREE_SCHEMA, led_schema

TOP_CANDIDATES = 20  # the most that Ollama reports


# The last two set the commonest answers aside, so that what comes next shows.
FEELING_ENDINGS = (
    "The writer is",
    "The writer feels very",
    "The writer feels very happy or very",
    "The writer feels very sad or very",
)


class Method(StrEnum):
    """How a model is asked for a feeling.

    LIKELIHOOD: by the probabilities of the next word; takes a host that reports them (Ollama from
    0.12.11 on). SCHEMA: by generating JSON that a schema holds to the wheel.
    """

    LIKELIHOOD = "likelihood"
    SCHEMA = "schema"


def beginnings(method: Method) -> tuple[GenerateRequest | ChatRequest, ...]:
    """Return what the questions of both stages begin with, to be asked before there are any.

    A host then has it in its prompt cache. Stage 1's comes last, because the first job asks for it
    first and a host may keep the last prompt alone.
    """
    one_token = {"num_predict": 1, "temperature": 0}
    writing = ChatRequest(messages=(*WRITING_START, ("user", FEELING)), options=one_token)
    if method == Method.SCHEMA:
        return writing, ChatRequest(messages=(*LABEL_START, ("user", DIARY)), options=one_token)
    return writing, GenerateRequest(
        prompt=DIARY, raw=True, options=one_token, top_logprobs=TOP_CANDIDATES
    )


def normalise_text(text: str) -> str:
    """Return the text that is scored: NFC, trimmed, white space folded; case and marks stay."""
    return " ".join(unicodedata.normalize("NFC", text).split())


DIARY = 'Diary: "'
LABEL_SYSTEM = (
    "You read diary entries and name how the writer feels. "
    "Answer with JSON: primary, and secondary, a finer word under it."
)
LABEL_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "primary": {"type": "string", "enum": list(wheel.PRIMARIES)},
        "secondary": {
            "type": "string",
            "enum": [word for primary in wheel.PRIMARIES for word in wheel.secondaries(primary)],
        },
    },
    "required": ["primary", "secondary"],
    "additionalProperties": False,
}
LABEL_EXAMPLES = tuple(
    turn
    for text, primary, secondary in (
        ("Nobody called all weekend and the flat was so quiet.", "sad", "lonely"),
        ("We won by one point and danced around the kitchen.", "joyful", "excited"),
        ("He took my parking space again and laughed at me.", "mad", "angry"),
        ("I read by the lake and nobody needed anything.", "peaceful", "content"),
        ("The results come on Friday and I can't sleep.", "scared", "anxious"),
        ("I gave the talk without notes and they clapped.", "powerful", "proud"),
    )
    for turn in (
        ("user", f'{DIARY}{text}"'),
        ("assistant", f'{{"primary":"{primary}","secondary":"{secondary}"}}'),
    )
)

LABEL_START = (("system", LABEL_SYSTEM), *LABEL_EXAMPLES)


@dataclass(frozen=True, kw_only=True)
class FeelingQuestion:
    """Stage 1: how does the writer of this text feel?

    scope: whose cached answers may be shared. method: how the model is asked. weights: of the
    blend. num_predict: the longest generated label, in tokens.
    """

    text: str
    language: str
    scope: str
    model: ModelIdentity
    num_ctx: int
    num_predict: int
    method: Method
    weights: Weights

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
            "method": self.method,
            # What a score is trusted for hangs on whether the embedded model made it.
            "engine": self.model.engine,
            "model": self.model.name,
            "digest": self.model.digest,
            "prompt": self.PROMPT_VERSION,
            "wheel": wheel.WHEEL_VERSION,
            "lexicon": lexicon.LEXICON_HASH,
            "reading": language.LANGUAGE_HASH,
            "vocabulary": vocabulary.VOCABULARY_HASH,
            "weights": self.weights.hash,
            "num_ctx": self.num_ctx,
            # One token is a likelihood's answer, whatever the bound.
            "num_predict": self.num_predict if self.method == Method.SCHEMA else 1,
        }

    def primaries(self) -> tuple[GenerateRequest, ...]:
        """Ask, behind the same words, in several ways for the next one: a feeling.

        On 755 diary texts, with SmolLM2-135M, these told more than seven other endings and than
        examples before the text.
        """
        return tuple(self._ask(beginning) for beginning in FEELING_ENDINGS)

    def below(self, primary: str) -> GenerateRequest:
        """Ask, behind the same words, for a finer word under a primary."""
        plain = likelihood.PLAIN_WORDS[primary]
        return self._ask(f"The writer feels {plain}. More exactly, the writer feels")

    def labels(self) -> ChatRequest:
        """Ask for JSON with words of the wheel."""
        return ChatRequest(
            messages=(*LABEL_START, ("user", self._quoted())),
            model=self.model,
            format=LABEL_SCHEMA,
            options={"num_predict": self.num_predict, "temperature": 0},
        )

    def _ask(self, beginning: str) -> GenerateRequest:
        return GenerateRequest(
            prompt=f"{self._quoted()}\nHow does the writer feel? {beginning}",
            model=self.model,
            raw=True,
            options={"num_predict": 1, "temperature": 0},
            top_logprobs=TOP_CANDIDATES,
        )

    def _quoted(self) -> str:
        return f'{DIARY}{quoted(self.text)}"'


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
WRITING_START = (("system", SYSTEM), ("user", EXAMPLE_FEELING), ("assistant", EXAMPLE))
FEELING = "Feeling: "


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
    PROMPT_VERSION: ClassVar[str] = "2"

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
            "review": review.REVIEW_HASH,
            "leads": writing_leads.LEADS_HASH,
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
                *WRITING_START,
                ("user", f"{FEELING}{self._feeling()}. Theme: {self._theme()}."),
            ),
            model=self.model,
            format=led_schema(self.primary, self._draw(attempt)) if self.led else FREE_SCHEMA,
            options={
                "num_predict": self.num_predict,
                "temperature": self.temperature,
                "seed": self.variant * 1000 + attempt,
            },
        )

    def _draw(self, attempt: int) -> str:
        return f"{self._feeling()}; {self._theme()}; {self.variant}; {attempt}"

    def _feeling(self) -> str:
        return ", ".join(word for word in (self.primary, self.secondary, self.tertiary) if word)

    def _theme(self) -> str:
        return ", ".join(name.replace("_", " ") for name in self.invoked) or "everyday life"


LOOKING = (
    "Describe this picture in one to three plain sentences: what it shows, and the mood that it "
    "conveys. Write about the picture only, in English, without any heading or list."
)


@dataclass(frozen=True, kw_only=True)
class VisionQuestion:
    """What does this image show?

    The answer becomes a text whose feeling is read, so it asks for the mood; it is of the picture
    and not in the writer's voice, because nobody's words are to be made up. scope: whose cached
    answers may be shared. num_predict: the longest answer, in tokens.
    """

    sha256: str
    scope: str
    model: ModelIdentity
    num_ctx: int
    num_predict: int
    temperature: float

    CACHE_TYPE: ClassVar[str] = "vision"
    PROMPT_VERSION: ClassVar[str] = "1"

    @property
    def content(self) -> Mapping[str, Any]:
        return {"image": self.sha256}

    @property
    def params(self) -> Mapping[str, Any]:
        return {
            "scope": self.scope,
            "engine": self.model.engine,
            "model": self.model.name,
            "digest": self.model.digest,
            "prompt": self.PROMPT_VERSION,
            "cleaning": CLEANING_VERSION,
            "num_ctx": self.num_ctx,
            "num_predict": self.num_predict,
            "temperature": self.temperature,
        }

    def looking(self, image: CleanImage, attempt: int) -> ChatRequest:
        """Show the image; another attempt has another seed, or it would repeat itself."""
        return ChatRequest(
            messages=(("user", LOOKING),),
            model=self.model,
            images=(image.jpeg,),
            options={
                "num_predict": self.num_predict,
                "temperature": self.temperature,
                "seed": attempt,
            },
        )
