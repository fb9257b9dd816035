"""The benchmark of inference, in a short run: what it says can be relied on."""

from collections.abc import Callable

import httpx
import pytest
from pytest_django import Settings

from cachestats.config import current
from cachestats.services import save_revision
from enrichment import hosts
from enrichment.inference.exchange import Exchange
from enrichment.inference.intervals import Interval
from enrichment.inference.messages import LanguageModel
from enrichment.stages.scoring import LabelledText, Reading
from tests.benchmarks.inference.__main__ import read_material
from tests.benchmarks.inference.ablation import (
    KNOBS,
    ablation,
    client_with_threads,
    feeling_first,
)
from tests.benchmarks.inference.accuracy import accuracy, difference
from tests.benchmarks.inference.instant_server import MODEL
from tests.benchmarks.inference.overhead import CHAT, GENERATE, overhead, posting
from tests.benchmarks.inference.report import Section, at_least, at_most, faster, show
from tests.benchmarks.inference.sides import TunedSite, asked_in_both_stages, take_turns
from tests.benchmarks.inference.untuned import (
    UNTUNED,
    WITH_EXAMPLE,
    PlainApp,
    first_object,
    is_writing,
    primary_in,
)
from tests.benchmarks.inference.warm import Unloaded, warm
from tests.standin import Script, as_json, written

ROUNDS = 2
# Natural lengths would take the untuned side far longer; cut, it is at its best.
BOUND = 48


@pytest.fixture
def asked(settings: Settings, databases: None) -> Callable[[str], LanguageModel]:
    """Gives the site's client of a host."""

    def client(url: str) -> LanguageModel:
        settings.OLLAMA_HOST = url
        hosts.forget_client()
        return hosts.get_client().clients[0]

    return client


@pytest.mark.engine
def test_labels_by_likelihood_are_faster_than_json_asked_for_in_the_prompt(
    asked: Callable[[str], LanguageModel], engine_url: str
):
    """Also where the untuned side's replies are cut; and the tuned side answers each time."""
    model = asked(engine_url)
    site = TunedSite(model)
    texts = asked_in_both_stages(read_material(None, seed=1).texts, site, ROUNDS)
    plain = PlainApp(engine_url, model.identity().name, bounds=(BOUND, BOUND))

    turns = take_turns([plain, site], texts)

    found = faster(turns["untuned"], turns["tuned"], ["stage1"])["stage 1"]
    assert found.value > 1
    assert all(turn.named.answered for turn in turns["tuned"])


@pytest.mark.engine
def test_side_after_an_unload_begins_without_the_model(
    asked: Callable[[str], LanguageModel], engine_url: str
):
    """The pause's row measures a load, not a model that was still there."""
    model = asked(engine_url)
    model.preload()
    name = model.identity().name

    Unloaded(TunedSite(model), engine_url, name).settle()

    assert name not in model.loaded_models()


@pytest.mark.django_db(databases="__all__")
def test_overhead_ends_with_a_ratio_of_each_kind_of_call():
    """Both kinds are measured against bare httpx, and no call of ours is faster than that."""
    found = overhead(slices=2)

    goals = {goal.goal: goal.measured.value for goal in found.goals}
    assert set(goals) == {"generate over bare httpx", "chat over bare httpx"}
    assert all(0.8 < value < 20 for value in goals.values())


def test_bare_call_sends_what_the_client_sends(
    asked: Callable[[str], LanguageModel], model: Script
):
    """Otherwise the two would not be compared in the same work; also with all that can be tuned."""
    save_revision({"inference": {"num_batch": 256}}, None)
    client = asked(model.url)
    how, who = hosts.client_settings(current().config), client.identity()
    exchange = Exchange(base_url=model.url, settings=how, model="")

    client.generate(GENERATE)
    client.chat(CHAT)
    posting(httpx.post, model.url, exchange.generate(GENERATE, who))()
    posting(httpx.post, model.url, exchange.chat(CHAT, who))()

    for path in ("/api/generate", "/api/chat"):
        ours, bare = model.questions(path)
        assert ours == bare
        assert ours["options"]["num_batch"] == 256


def test_each_section_says_what_it_measured(asked: Callable[[str], LanguageModel], model: Script):
    """Every comparison that the issue asks for has a row, and each ratio its interval."""
    client = asked(model.url)
    texts = ["I am sad about it."]
    labelled = [LabelledText(text=texts[0], primaries=frozenset({"sad"}))]

    sections = (
        warm(model.url, client, texts),
        ablation(model.url, client, texts, lambda threads: client_with_threads(client, threads)),
        accuracy(model.url, client, labelled),
    )

    headline, knobs, labels = (section.tables[-1].rows for section in sections)
    assert headline.keys() == {f"tuned over {side}" for side in (UNTUNED, WITH_EXAMPLE)}
    assert {knob.name for knob in KNOBS} < knobs.keys()
    assert labels.keys() == {f"tuned less {side}" for side in (UNTUNED, WITH_EXAMPLE)}
    for row in (*headline.values(), *labels.values()):
        assert all(isinstance(cell, Interval) for cell in row.values())
    assert all(isinstance(row["times as fast"], Interval) for row in knobs.values())
    threads = {body["options"].get("num_thread") for body in model.questions("/api/generate")}
    assert threads >= {1, hosts.client_settings(current().config).num_thread}


def test_sides_take_turns_with_another_one_first_in_each_round(
    asked: Callable[[str], LanguageModel], model: Script
):
    """What gets slower or faster during a run hits both alike; settling is not a turn."""
    order: list[str] = []

    class Watched(PlainApp):
        def stage1(self, text: str, number: int):
            order.append(self.name)
            return super().stage1(text, number)

    sides = [Watched(model.url, MODEL, name=name) for name in ("one", "other")]
    turns = take_turns(sides, ["I am sad.", "I am glad.", "I am calm."])

    assert order == ["one", "other", "other", "one", "one", "other"]
    assert {name: len(taken) for name, taken in turns.items()} == {"one": 3, "other": 3}


def test_untuned_side_sends_neither_schema_nor_keep_alive(model: Script):
    """Ollama's defaults are what it is about; only a seed and a far bound are its own."""
    plain = PlainApp(model.url, MODEL)

    plain.stage2(plain.stage1("I am sad.", 3), 3)

    asked = model.questions("/api/chat")
    assert len(asked) == 2
    for body in asked:
        assert body.keys() == {"model", "messages", "stream", "options"}
        assert body["stream"] is False
        assert body["options"] == {"num_predict": 1024, "seed": 3}


def test_hanging_up_takes_what_was_whole(model: Script):
    """The knob reads as far as the object goes, and not to where the reply was cut."""
    message = {"content": 'Sure: {"primary": "sad"} ' + "and so on " * 50}
    model.chat = lambda _body: as_json({"message": message, "done": True, "done_reason": "length"})
    plain = PlainApp(model.url, MODEL, stops_early=True)

    named = plain.stage1("I am low.", 0)

    assert (named.primary, named.answered, named.words) == ("sad", True, ("sad",))
    assert not named.cut


@pytest.mark.parametrize(
    ("reply", "primary", "answered"),
    [
        ('{"primary": "Happy", "secondary": "x"}', "joyful", True),
        ('```json\n{"primary": "furious"}\n``` I hope that helps', "mad", True),
        ("The writer is rather anxious.", "scared", False),
        ('{"primary": ', None, False),
        ('{"primary": ["sad"]}', "sad", True),
        ("[1, 2]", None, False),
    ],
)
def test_untuned_reply_is_read_leniently(
    model: Script, reply: str, primary: str | None, answered: bool
):
    """Whatever names a feeling counts for its accuracy; only an object counts as usable."""
    model.chat = lambda _body: written(reply)

    named = PlainApp(model.url, MODEL).stage1("Something happened.", 0)

    assert (named.primary, named.answered) == (primary, answered)


def test_writing_is_usable_with_three_lines_three_tips_and_a_closing_line():
    """More than asked for is usable, less is not."""
    whole = '{"poem": ["a", "b", "c"], "tips": ["d", "e", "f", "g"], "closing_line": "h"}'
    assert is_writing(first_object(f"Here: {whole}"))
    assert not is_writing(first_object('{"poem": ["a"], "tips": ["d"], "closing_line": "h"}'))
    assert not is_writing(first_object("a, b, c"))
    assert primary_in("nothing", "of the kind") is None


def test_accuracy_is_compared_text_by_text():
    """The difference is of the same texts, and its interval holds it."""
    texts = [LabelledText(text=str(n), primaries=frozenset({"sad"})) for n in range(20)]
    wrong, right = (Reading(primary=name, confidence=1.0) for name in ("mad", "sad"))
    before, after = [wrong] * 10 + [right] * 10, [right] * 15 + [wrong] * 5

    found = difference(texts, before, after, "any")

    assert found.value == pytest.approx(0.25)
    assert found.low < 0.25 < found.high
    assert difference(texts, after, after, "any") == Interval(value=0, low=0, high=0)


def test_prompt_that_is_not_static_begins_with_the_feeling():
    """The knob's other side shares no beginning with the question before, and asks the same."""
    changed = feeling_first(CHAT)

    assert changed.messages[0] == ("system", "Feeling: calm.\nYou write short texts.")
    assert changed.options == CHAT.options
    assert feeling_first(GENERATE) is GENERATE


def test_goal_is_judged_by_its_median_and_shown_with_its_interval(
    capsys: pytest.CaptureFixture[str],
):
    """A reader sees what was asked for, what came of it and how sure that is."""
    measured = Interval(value=2.0, low=1.5, high=2.5)

    show(Section(tables=(), goals=(at_least("fast", 2, measured), at_most("lean", 1.3, measured))))

    fast, lean = (" ".join(line.split()) for line in capsys.readouterr().out.splitlines())
    assert fast == "fast at least 2 x 2.00 (1.50 to 2.50) met"
    assert lean == "lean at most 1.3 x 2.00 (1.50 to 2.50) missed"
