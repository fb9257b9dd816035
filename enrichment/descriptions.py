"""What becomes of the image that a reflection came with: a description, which is text from then on.

The image itself is kept until then and no longer.
"""

import logging
import time

from django.db import transaction

from cachestats.cache import CacheState, get_cache
from cachestats.services import checkpoint
from enrichment import hosts, jobs
from enrichment.errors import InferenceError, ModelCannotSee
from enrichment.freshness import cache_for
from enrichment.images import CleanImage
from enrichment.models import Job, Reflection, ReflectionImage
from enrichment.records import ms_since, result_row
from enrichment.stages import risk
from enrichment.stages.answers import CachedValue, StageAnswer
from enrichment.stages.image_describer import append
from enrichment.stages.post_enricher import safety_answer
from enrichment.submission import MAX_CHARACTERS
from enrichment.tuned_stages import make_describer

logger = logging.getLogger(__name__)


def attach(reflection: Reflection, image: CleanImage) -> tuple[ReflectionImage, CachedValue | None]:
    """Return the image as it is kept with a new reflection, not saved yet.

    Where its description is cached, the reflection's text has it now, and it is returned too, to
    be counted. Where no host answers, the worker finds out whether its model can see.

    Raises:
        ModelCannotSee: there is no use in keeping the image.
    """
    started = time.perf_counter()
    describer = make_describer(cache_for(reflection), reflection.key_scope)
    try:
        found = describer.peek(image.sha256, hosts.get_client().identity())
        if found is None:
            describer.require_sight()
    except ModelCannotSee:
        raise
    except InferenceError:
        found = None
    if found is None:
        kept = ReflectionImage(reflection=reflection, content=image.jpeg, sha256=image.sha256)
        return kept, None
    reflection.text = append(reflection.text, found.value["text"], MAX_CHARACTERS)
    _log(str(found.state), found.key.hex, ms_since(started))
    return _described(reflection, found.key.hex, str(found.state)), found


def waiting(reflection: Reflection) -> ReflectionImage | None:
    """Return the image that a reflection's text is still to be had from, if there is one."""
    return ReflectionImage.objects.filter(reflection=reflection, key="").first()


def describe(reflection: Reflection, image: ReflectionImage) -> StageAnswer:
    """Return what an image shows, through the cache.

    Raises:
        InferenceError: no description could be had.
    """
    started = time.perf_counter()
    describer = make_describer(cache_for(reflection), reflection.key_scope)
    answer = describer.describe_image(
        CleanImage(sha256=image.sha256, jpeg=bytes(image.content or b""))
    )
    _log(answer.cache, answer.key, ms_since(started))
    return answer


def commit(job: Job, reflection: Reflection, answer: StageAnswer) -> None:
    """Let a description become the text, and the image go, if the claim still holds.

    The risk check runs on the new text, and takes back nothing that it found in the old one.

    Raises:
        ClaimLost: it does not; nothing was written.
    """
    was_at_risk = reflection.at_risk
    text = append(reflection.text, answer.result["text"], MAX_CHARACTERS)
    signals = dict.fromkeys([*reflection.risk_signals, *risk.check(text).signals])
    with transaction.atomic():
        jobs.hold(job)
        reflection.text, reflection.risk_signals = text, list(signals)
        reflection.save(update_fields=["text", "risk_signals"])
        _described(reflection, answer.key, answer.cache).save(force_update=True)
        if reflection.at_risk and not was_at_risk:
            result_row(reflection, 2, safety_answer(), 0.0).save(force_insert=True)
        # The pixels are to be nowhere any more, and the log still has them.
        transaction.on_commit(lambda: checkpoint("default"))


def cache_key(reflection: Reflection) -> str:
    """Return the key of the entry that a reflection's image has or would have; "" without one."""
    image = reflection.image_or_none
    if image is None:
        return ""
    if image.described:
        return image.key
    return make_describer(get_cache(), reflection.key_scope).key(image.sha256)


def _log(cache: str, key: str, run_ms: float) -> None:
    logger.info(
        "[CACHE %s] Image: %s → %s",
        cache.upper(),
        key[:8],
        "cached" if cache == CacheState.HIT else "described",
        extra={"run_ms": round(run_ms)},
    )


def _described(reflection: Reflection, key: str, cache: str) -> ReflectionImage:
    return ReflectionImage(reflection=reflection, content=None, key=key, cache=cache)
