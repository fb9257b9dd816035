"""What an image shows, in a few sentences: the text of a reflection that is a picture."""

import re
from collections.abc import Mapping
from typing import Any

from enrichment.errors import InferenceError, InvalidReply, ModelCannotSee
from enrichment.images import CleanImage
from enrichment.inference.messages import LanguageModel, ModelIdentity, Reply
from enrichment.stages.answers import AnswerCache, CachedValue, StageAnswer, from_cache
from enrichment.stages.prompts import VisionQuestion

ATTEMPTS = 2
# Three sentences of a generous length.
LONGEST = 600
# Shorter tells nothing: "A photo."
SHORTEST = 12
BLANK_LINE = "\n\n"
VISION = "vision"  # Ollama's name of the capability

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)]*(?=\s|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffd]")
_REFUSAL = re.compile(
    r"(i['’]?m sorry|sorry|i am sorry|i (can['’]?t|cannot|am unable|am not able|don['’]?t see)"
    r"|i['’]?m (unable|not able)|unfortunately|as an ai|no image|there is no image)\b",
    re.IGNORECASE,
)


class ImageDescriber:
    """Describes images for one scope; client and cache are passed in."""

    def __init__(
        self,
        model: LanguageModel,
        cache: AnswerCache,
        *,
        scope: str,
        num_ctx: int,
        num_predict: int,
        temperature: float,
    ) -> None:
        """
        Args:
            scope: whose cached answers may be shared.
            num_ctx, num_predict: the context and the longest description, in tokens.
        """
        self._model = model
        self._cache = cache
        self._scope = scope
        self._num_ctx = num_ctx
        self._num_predict = num_predict
        self._temperature = temperature

    def describe_image(self, image: CleanImage) -> StageAnswer:
        """Return what an image shows: a result with `text`, 12 to 600 characters on one line.

        Raises:
            ModelCannotSee: the image was not sent.
            InvalidReply: what the model said of it is of no use.
            InferenceError: there was no answer.
        """
        question = self._question(image.sha256, self._model.identity())
        found = self._cache.get_or_compute(
            question.content,
            lambda: self._look(question, image),
            params=question.params,
            cache_type=question.CACHE_TYPE,
        )
        return from_cache(found)

    def peek(self, sha256: str, identity: ModelIdentity) -> CachedValue | None:
        """Return what is cached of a file, without asking the model and uncounted."""
        question = self._question(sha256, identity)
        return self._cache.peek(question.content, question.params, question.CACHE_TYPE)

    def key(self, sha256: str) -> str:
        """Return the key that a file's answer has or would have; "" while no model is known."""
        try:
            question = self._question(sha256, self._model.identity())
        except InferenceError:
            return ""
        return self._cache.key(question.content, question.params, question.CACHE_TYPE).hex

    def require_sight(self) -> None:
        """Ask what the model can do.

        Raises:
            ModelCannotSee: says which model would do.
            InferenceError: the host does not tell.
        """
        if VISION not in self._model.capabilities():
            name = self._model.identity().name
            raise ModelCannotSee(
                f"{name} cannot see images; choose a model that can, such as gemma3:4b "
                "(ollama pull gemma3:4b), and set OLLAMA_MODEL to it"
            )

    def _question(self, sha256: str, identity: ModelIdentity) -> VisionQuestion:
        return VisionQuestion(
            sha256=sha256,
            scope=self._scope,
            model=identity,
            num_ctx=self._num_ctx,
            num_predict=self._num_predict,
            temperature=self._temperature,
        )

    def _look(self, question: VisionQuestion, image: CleanImage) -> Mapping[str, Any]:
        """Ask until the answer is of use.

        Raises:
            InvalidReply: it never was; holds the last reply.
        """
        self.require_sight()
        for attempt in range(ATTEMPTS):
            reply = self._model.chat(question.looking(image, attempt))
            text = review(reply)
            if text:
                provenance = {
                    "engine": question.model.engine,
                    "model": question.model.name,
                    "digest": question.model.digest,
                    "prompt_version": question.PROMPT_VERSION,
                }
                return {"text": text, "provenance": provenance}
        raise InvalidReply("the description of an image is of no use", raw=reply.text)


def review(reply: Reply) -> str:
    """Return the description that a reply holds, on one line; "" where it is of no use.

    That is: too short to say anything, a refusal, or with characters that no prose has. One that
    ran on is cut where its last whole sentence ends.
    """
    text = " ".join(reply.text.split())
    if reply.done_reason == "length" or len(text) > LONGEST:
        text = shorten(text, min(LONGEST, len(text)), whole=False)
    if len(text) < SHORTEST or _CONTROL.search(text) or _REFUSAL.match(text):
        return ""
    return text


def append(written: str, description: str, limit: int) -> str:
    """Return a text that a description follows after a blank line, of at most so many characters.

    What was written stays whole. Without it the description stands alone.
    """
    if not written:
        return shorten(description, limit)
    added = shorten(description, limit - len(written) - len(BLANK_LINE))
    return f"{written}{BLANK_LINE}{added}" if added else written


def shorten(text: str, limit: int, *, whole: bool = True) -> str:
    """Return at most so many characters of a text: whole sentences, or else whole words.

    Args:
        whole: the text ends where it was meant to, so one that is short enough is left alone.
    """
    if whole and len(text) <= limit:
        return text
    beginning = text[: max(0, limit)]
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if match.end() <= limit]
    if ends:
        return text[: ends[-1]]
    return beginning.rpartition(" ")[0]
