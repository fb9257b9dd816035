"""The questions that a model is measured with: the site's own, about invented texts. Data.

Short everyday texts of clear feelings, so that a label that changes means something; nobody wrote
them. The languages are there for their tokens alone: a model that knows a script less takes more
tokens for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from enrichment.errors import InvalidReply
from enrichment.inference.bench import Task, Workload
from enrichment.inference.messages import Reply
from enrichment.stages.blending import strongest
from enrichment.stages.likelihood import pooled, primary_shares
from enrichment.stages.model_signal import read_labels
from enrichment.stages.prompts import FeelingQuestion, Method, WritingQuestion
from enrichment.stages.review import InvalidWriting, parse

TEXTS = (
    "I miss my grandmother so much today. Her chair is empty and I cried over the soup she taught "
    "me to make.",
    "My manager took credit for my work again in front of everybody. I am furious and I slammed "
    "the laptop shut.",
    "The results come tomorrow and I can't sleep. My heart is racing and I keep imagining the "
    "worst.",
    "We laughed until our stomachs hurt, and then danced in the kitchen to that silly song. What a "
    "happy evening.",
    "I finished the marathon after a year of training. I am so proud of what my legs could do.",
    "Sat by the lake with tea and a book all morning. Everything is quiet and I feel calm and "
    "content.",
)

FEELINGS: tuple[tuple[tuple[str, str, str], tuple[str, ...]], ...] = (
    (("sad", "lonely", "isolated"), ("longing",)),
    # As long as a question gets.
    (("scared", "anxious", "overwhelmed"), ("uncertainty", "low_progress", "overwhelm")),
    (("peaceful", "content", "relaxed"), ("contentment",)),
)
"""Places on the wheel and drivers."""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "English": TEXTS[3],
        "German": "Heute war ein langer Tag, aber am Abend saßen wir zusammen auf dem Balkon und "
        "haben über alte Geschichten gelacht.",
        "Russian": "Сегодня был длинный день, но вечером мы сидели вместе на балконе и смеялись "
        "над старыми историями.",
        "Arabic": "كان اليوم طويلا، لكننا جلسنا معا في المساء على الشرفة وضحكنا على قصص قديمة.",
        "Hindi": "आज का दिन लंबा था, लेकिन शाम को हम बालकनी में साथ बैठे और पुरानी कहानियों पर हँसे।",
        "Chinese": "今天很漫长，但是晚上我们一起坐在阳台上，笑着讲过去的故事，心里觉得很温暖。",
    }
)


def make_workload(feeling: FeelingQuestion, writing: WritingQuestion, *, longest: int) -> Workload:
    """Return what to measure a model with.

    Args:
        feeling, writing: how the site asks now; text and feeling are put in their place.
        longest: how many characters a text may have.
    """

    def asked(text: str) -> FeelingQuestion:
        return replace(feeling, text=text)

    return Workload(
        readings=tuple(_reading(asked(text)) for text in TEXTS),
        writings=tuple(
            _writing(
                replace(
                    writing,
                    primary=primary,
                    secondary=secondary,
                    tertiary=tertiary,
                    invoked=invoked,
                )
            )
            for (primary, secondary, tertiary), invoked in FEELINGS
        ),
        languages={
            name: (_reading(asked(text)).questions[0], len(text))
            for name, text in LANGUAGES.items()
        },
        empty=_reading(asked("")).questions[0],
        longest=longest,
    )


def _reading(question: FeelingQuestion) -> Task:
    if question.method == Method.SCHEMA:
        return Task(questions=(question.labels(),), read=_generated, cap="num_predict_short")
    return Task(questions=question.primaries(), read=_likeliest)


def _writing(question: WritingQuestion) -> Task:
    read: Callable[[Sequence[Reply]], str | None] = _form
    return Task(questions=(question.writing(0),), read=read, cap="num_predict_long")


def _likeliest(replies: Sequence[Reply]) -> str | None:
    """Return the primary that the model names; None when the host reports no probabilities."""
    if not any(reply.candidates for reply in replies):
        return None
    shares = pooled(primary_shares(reply.candidates) for reply in replies)
    return strongest(shares) if shares else "none"


def _generated(replies: Sequence[Reply]) -> str | None:
    try:
        path, _ = read_labels(replies[0].text)
    except InvalidReply:
        return None
    return path[0] if path else "none"


def _form(replies: Sequence[Reply]) -> str | None:
    """Return whether a writing is whole; what it says is for the review."""
    try:
        parse(replies[0].text)
    except InvalidWriting:
        return None
    return "whole"
