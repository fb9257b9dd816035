"""What a warm-up is to compute: the texts of a file, or what the cache lost and still can have.

Keys are hashes. What was lost is found again by the results that hold its key: Stage 1 of a
reflection that still exists, Stage 2 by the feeling that it was written for.
"""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils import timezone

from cachestats import services as cache_services
from cachestats.cache import get_cache
from cachestats.services import LostEntry
from enrichment import hosts, variants
from enrichment.errors import EnrichmentError, InferenceError
from enrichment.inference.messages import ModelIdentity
from enrichment.models import StageResult, WarmUp
from enrichment.records import as_stage1
from enrichment.services import SITE_SCOPE
from enrichment.stages import risk
from enrichment.stages.answers import Outcome
from enrichment.stages.hybrid_scorer import Stage1
from enrichment.stages.prompts import FeelingQuestion, WritingQuestion, normalise_text
from enrichment.text_files import FileTexts
from enrichment.tuned_stages import make_enricher, make_scorer

LANGUAGE = "en"
CACHE_TYPES = (FeelingQuestion.CACHE_TYPE, WritingQuestion.CACHE_TYPE)
# Of what was lost, so many of the most valuable are looked at.
LOOKED_AT = 10_000


class NoModel(EnrichmentError):
    """No model answers; the message says why, in plain words."""


@dataclass(frozen=True, kw_only=True)
class WantedFeeling:
    """Stage 1 of a text. hits: that are expected of it. writing: whether Stage 2 is wanted too.

    reflection_id: whose text it is, if it is a reflection's.
    """

    text: str = field(repr=False)
    language: str
    scope: str
    hits: int
    writing: bool = False
    reflection_id: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class WantedWriting:
    """Stage 2 for a feeling. variant: its number. hits: that are expected of it."""

    stage1: Stage1
    variant: int
    hits: int


Wanted = WantedFeeling | WantedWriting


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to compute, in this order.

    already_there: entries that are live, and so are not among it. skipped: lines without a text, or
    lost entries that nothing is known of.
    """

    source: WarmUp.Source
    wanted: tuple[Wanted, ...]
    already_there: int = 0
    skipped: int = 0


def plan_texts(read: FileTexts) -> Plan:
    """Plan both stages of a file's texts, each once, as the site's own web app would ask for them.

    A text that stands in the file several times is expected to be asked for as often. One that
    shows signs of danger gets no Stage 2, as in a submission.
    """
    times: Counter[str] = Counter()
    first: dict[str, str] = {}
    for text in read.texts:
        asked = normalise_text(text)
        times[asked] += 1
        first.setdefault(asked, text)
    wanted = tuple(
        WantedFeeling(
            text=text,
            language=LANGUAGE,
            scope=SITE_SCOPE,
            hits=times[asked],
            writing=not risk.check(text).flagged,
        )
        for asked, text in first.items()
    )
    return Plan(source=WarmUp.Source.FILE, wanted=wanted, skipped=len(read.skipped))


def plan_lost(limit: int, look_up: Callable[[], None] = lambda: None) -> Plan:
    """Plan what is worth most among what expired or was evicted: hits of its last life times cost.

    Args:
        look_up: called before each entry; what it raises ends the planning.

    Raises:
        NoModel: which one would answer is not known.
        cachestats.services.UNUSABLE: the cache can't be read.
    """
    identity = known_identity()
    get_cache().clear_expired()
    wanted: list[Wanted] = []
    seen: set[str] = set()
    already_there = skipped = 0
    for lost in cache_services.lost_entries(CACHE_TYPES, LOOKED_AT):
        if len(wanted) == limit:
            break
        look_up()
        if (found := _find(lost)) is None:
            skipped += 1
            continue
        key, there = look(found, identity)
        if key in seen:
            continue
        seen.add(key)
        if there:
            already_there += 1
        else:
            wanted.append(found)
    return Plan(
        source=WarmUp.Source.LOST,
        wanted=tuple(wanted),
        already_there=already_there,
        skipped=skipped,
    )


def known_identity() -> ModelIdentity:
    """Return which model answers, or did when its host was last there.

    Raises:
        NoModel: none ever did.
    """
    try:
        return hosts.get_client().identity()
    except InferenceError as exc:
        raise NoModel(str(exc)) from exc


def look(wanted: Wanted, identity: ModelIdentity) -> tuple[str, bool]:
    """Return the key that an answer has or would have now, and whether it is there; uncounted."""
    cache = get_cache()
    if isinstance(wanted, WantedWriting):
        found = make_enricher(cache).variants(wanted.stage1, identity, wanted.variant + 1)[-1]
        return found.key, found.cached is not None
    scorer = make_scorer(cache, wanted.scope)
    there = scorer.peek(wanted.text, wanted.language, identity)
    return scorer.key(wanted.text, wanted.language), there is not None


def _find(lost: LostEntry) -> Wanted | None:
    """Return what a lost entry was an answer to; None where that is not known any more."""
    result = StageResult.objects.of_entry(lost.digits)
    if result is None:
        return None
    reflection = result.reflection
    if result.stage == 1:
        return WantedFeeling(
            text=reflection.text,
            language=reflection.language,
            scope=reflection.key_scope,
            hits=lost.hits,
            reflection_id=reflection.pk,
        )
    first = reflection.result_of(1)
    variant = result.result["provenance"].get("variant", 0)
    if first is None or variant >= variants.number_in_force():
        return None
    stage1 = as_stage1(first.result, Outcome(first.outcome), timezone.now())
    if not stage1.path:
        return None
    return WantedWriting(stage1=stage1, variant=variant, hits=lost.hits)
