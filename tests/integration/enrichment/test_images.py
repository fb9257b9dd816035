"""Reflections that come with an image: from a file to a text that is enriched.

No model here can see: a scripted server that speaks Ollama's API stands in for one that can.
"""

from typing import Any

import pytest

from cachestats.cache import get_cache
from cachestats.models import CacheEntry, LookupBatch
from enrichment import services
from enrichment.errors import InvalidImage, ModelCannotSee
from enrichment.models import Reflection, StageResult
from tests.conftest import TokenMaker
from tests.pictures import CAMERA, decoded, encoded, halves, photo
from tests.seeing import RUN_AND_READ, looks, submit, work
from tests.standin import SHOWN, Answer, Script, sight

pytestmark = pytest.mark.usefixtures("databases")

DANGER = "A note on a table says I want to kill myself. The mood is heavy."


def test_image_becomes_the_text_that_is_enriched(api: TokenMaker, seeing: Script):
    """It is accepted at once, then described, and its description is read for its feeling."""
    client = api(*RUN_AND_READ)

    first = submit(client)
    work()
    done = client.get(first["Location"]).json()

    assert first.status_code == 202
    assert first.json()["text"] == ""
    assert first.json()["image"] == {"state": "waiting", "cache": "", "reason": ""}
    assert done["status"] == "complete"
    assert done["text"] == SHOWN
    assert done["image"] == {"state": "described", "cache": "miss", "reason": ""}
    assert done["stage1"]["outcome"] == done["stage2"]["outcome"] == "model"
    (asked,) = [
        body["prompt"]
        for body in seeing.questions("/api/generate")
        if body["prompt"].endswith("The writer is")
    ]
    assert SHOWN in asked


def test_model_is_shown_the_pixels_and_nothing_else(api: TokenMaker, seeing: Script):
    """Neither where the photo was taken nor with what."""
    submit(api(*RUN_AND_READ))
    work()

    (shown,) = looks(seeing)
    assert decoded(shown).size == (64, 48)
    assert CAMERA.encode() not in shown
    assert not decoded(shown).getexif()


def test_words_stay_and_the_description_follows(api: TokenMaker, seeing: Script):
    """Both are one text of at most 5,000 characters."""
    client = api(*RUN_AND_READ)
    short = submit(client, text="My sister came today.", timezone="Europe/Berlin")
    long = submit(client, text="x" * 4960)
    work()

    assert client.get(short["Location"]).json()["text"] == f"My sister came today.\n\n{SHOWN}"
    assert client.get(short["Location"]).json()["timezone"] == "Europe/Berlin"
    text = client.get(long["Location"]).json()["text"]
    assert text == f"{'x' * 4960}\n\nTwo happy sisters laugh together on a"


@pytest.mark.usefixtures("one_variant")
def test_same_image_again_is_answered_at_once(api: TokenMaker, seeing: Script):
    """Description and both stages come from the cache, byte for byte, and nobody is asked."""
    client = api(*RUN_AND_READ)
    cold = submit(client)
    work()
    cold = client.get(cold["Location"])
    asked = len(seeing.asked)

    warm = submit(client, name="other.png")
    get_cache().flush()

    assert (warm.status_code, warm["X-Cache"], cold["X-Cache"]) == (200, "HIT", "MISS")
    assert warm.json()["image"] == {"state": "described", "cache": "hit", "reason": ""}
    assert warm.json()["text"] == cold.json()["text"]
    for stage in ("stage1", "stage2"):
        assert warm.json()[stage]["result"] == cold.json()[stage]["result"]
    assert not [path for path, _ in seeing.asked[asked:] if path in {"/api/chat", "/api/generate"}]
    states = LookupBatch.objects.filter(cache_type="vision").values_list("state", flat=True)
    assert sorted(states) == ["hit", "miss"]


def test_same_image_of_another_owner_is_looked_at_anew(api: TokenMaker, seeing: Script):
    """No hit tells that somebody else has the same picture."""
    for owner in ("ada", "bob"):
        client = api(*RUN_AND_READ, owner=owner)
        place = submit(client)["Location"]
        work()
        assert client.get(place).json()["image"]["cache"] == "miss"
        assert client.get(place)["X-Cache"] == "MISS"

    assert len(looks(seeing)) == 2


def test_answer_is_no_hit_where_the_image_was_looked_at(api: TokenMaker, seeing: Script):
    """Both stages knew the words, which the model had to find first."""
    client = api(*RUN_AND_READ)
    submit(client)
    work()

    place = submit(client, encoded(halves("green")))["Location"]
    work()

    done = client.get(place)
    assert [done.json()[stage]["cache"] for stage in ("stage1", "stage2")] == ["hit", "hit"]
    assert done["X-Cache"] == "MISS"


def test_description_in_danger_gets_the_safety_text(api: TokenMaker, seeing: Script):
    """What an image says is checked as what is written is, also where it comes from the cache; the
    text is there before the feeling is looked for.
    """
    seeing.chat = sight(seeing, DANGER)
    plain, early = seeing.generate, []

    def look_meanwhile(body: dict[str, Any]) -> Answer:
        early.extend(StageResult.objects.values_list("outcome", flat=True))
        return plain(body)

    seeing.generate = look_meanwhile
    client = api(*RUN_AND_READ)
    first = submit(client)
    assert not first.json()["risk"]["flagged"]
    work()

    for answer in (client.get(first["Location"]), submit(client)):
        body = answer.json()
        assert (body["text"], body["status"]) == (DANGER, "complete")
        assert body["risk"]["flagged"]
        assert body["stage2"]["outcome"] == "safety"
        assert body["stage2"]["help_lines"]
    assert set(early) == {"safety"}
    # Nobody asked for a poem.
    assert len(seeing.questions("/api/chat")) == len(looks(seeing)) == 1


def test_words_in_danger_have_the_safety_text_before_anybody_looks(api: TokenMaker, seeing: Script):
    """And keep it, however merry the image is and whatever the check says of both together."""
    client = api(*RUN_AND_READ)
    first = submit(client, text="I want to kill myself")
    assert first.json()["stage2"]["outcome"] == "safety"
    Reflection.objects.update(text="What I wrote of myself")
    work()

    done = client.get(first["Location"]).json()
    assert done["status"] == "complete"
    assert done["text"].endswith(SHOWN)
    assert done["risk"]["flagged"]
    assert done["stage2"]["outcome"] == "safety"


def test_describe_image_for_code_of_ones_own(seeing: Script):
    """One call from bytes to words, through the cache; what is no image is refused."""
    data = photo("PNG")

    assert services.describe_image(data) == services.describe_image(data) == SHOWN
    assert len(looks(seeing)) == 1
    assert CacheEntry.objects.get().cache_type == "vision"
    with pytest.raises(InvalidImage, match="can't be decoded"):
        services.describe_image(b"words")
    seeing.capabilities = ("completion",)
    with pytest.raises(ModelCannotSee):
        services.describe_image(photo("WEBP"))
