"""Where cold calls go, as command, page and Prometheus tell it."""

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from enrichment import calls
from enrichment.call_rollups import PARTS
from enrichment.inference.messages import Call, Timings
from enrichment.models import InferenceCall
from tests.conftest import TokenMaker
from tests.pruning import prune

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def asked() -> None:
    """Two answered calls to two models, and one that failed after three attempts."""
    for number, model in [(1, "small:1b"), (3, "large:70b")]:
        timings = Timings(
            total_ms=900.0 * number,
            load_ms=200.0 * number,
            prompt_ms=400.0 * number,
            generation_ms=300.0 * number,
            prompt_tokens=80 * number,
            generated_tokens=6 * number,
        )
        calls.record(
            Call(
                host="http://here",
                model=model,
                kind="chat",
                elapsed_ms=1_000.0 * number,
                attempts=1,
                timings=timings,
            )
        )
    calls.record(
        Call(
            host="http://here",
            model="small:1b",
            kind="chat",
            elapsed_ms=7_000.0,
            attempts=3,
            error="HostBusy",
        )
    )
    calls.flush()


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("perf_metrics", *arguments, stdout=out)
    return out.getvalue()


def card(client: Client) -> list[str]:
    """Return the overview's card of calls as words, without its tags."""
    html = client.get("/").content.decode()
    found = re.search(r'aria-labelledby="calls-title">(.*?)</section>', html, re.DOTALL)
    assert found
    return re.sub(r"<meter[^>]*>[^<]*</meter>|<[^>]+>", " ", found[1]).split()


def samples(client) -> dict[str, float]:
    text = client.get("/metrics").content.decode()
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_speed_of_generation_leaves_calls_of_one_token_out(asked: None):
    """Their token comes with the end of the prompt, in no time, and would make any host fast."""
    before = json.loads(printed("--json"))["inference"]["overall"]
    timings = Timings(
        total_ms=1.0,
        load_ms=0.0,
        prompt_ms=1.0,
        generation_ms=0.0,
        prompt_tokens=1,
        generated_tokens=1,
    )
    for _ in range(9):
        calls.record(
            Call(
                host="http://here",
                model="small:1b",
                kind="generate",
                elapsed_ms=1.0,
                attempts=1,
                timings=timings,
            )
        )
    calls.flush()

    now = json.loads(printed("--json"))["inference"]["overall"]
    assert now["generated_tokens"] == before["generated_tokens"] + 9
    assert now["generated_tokens_per_second"] == before["generated_tokens_per_second"]


def test_command_page_and_prometheus_tell_the_same(
    asked: None, api: TokenMaker, client: Client, person: User
):
    """One definition of each number: parts, tokens and failures."""
    client.force_login(person)
    numbers = json.loads(printed("--json"))["inference"]["overall"]
    page = " ".join(card(client))
    told = samples(api("cache:read"))

    parts = {name: part["total_seconds"] for name, part in numbers["parts"].items()}
    assert parts == pytest.approx({"queue": 0.4, "load": 0.8, "prompt": 1.6, "generation": 1.2})
    assert "Waiting for the host 10% 100 ms 400 ms" in page
    assert "Loading the model 20% 200 ms 800 ms" in page
    assert "Reading the prompt 40% 400 ms 1.6 s" in page
    assert "Writing the answer 30% 300 ms 1.2 s" in page
    for name in PARTS:
        assert told[f"perfsite_inference_seconds_sum {name}"] == pytest.approx(parts[name])
        assert told[f"perfsite_inference_seconds_count {name}"] == 2

    assert (numbers["prompt_tokens"], numbers["generated_tokens"]) == (320, 24)
    assert (numbers["prompt_tokens_per_second"], numbers["generated_tokens_per_second"]) == (
        200,
        20,
    )
    assert "Prompt tokens 320 (200 a second, reused ones included)" in page
    assert "Generated tokens 24 (20 a second)" in page
    assert told["perfsite_inference_tokens_total prompt"] == 320
    assert told["perfsite_inference_tokens_total generated"] == 24

    assert (numbers["calls"], numbers["retried"], numbers["failed"]) == (3, 1, {"HostBusy": 1})
    assert "Calls 3 (1 tried again)" in page
    assert "Failed 1: no model answered (its host was busy)" in page


def test_command_prints_parts_then_a_line_for_each_model_and_host(asked: None):
    """People get two tables: where the time went, and how fast which model is."""
    lines = printed().splitlines()
    start = lines.index(
        "Calls to models in the last 24 hours: 3, 1 tried again, 1 failed (HostBusy 1)."
    )
    rows = [line.split() for line in lines[start + 2 : start + 6]]
    assert rows == [
        ["queue", "10.0%", "100.0", "0.4", "s"],
        ["load", "20.0%", "200.0", "0.8", "s"],
        ["prompt", "40.0%", "400.0", "1.6", "s"],
        ["generation", "30.0%", "300.0", "1.2", "s"],
    ]
    speeds = [line.split() for line in lines[start + 8 :]]
    assert [row[:-7] for row in speeds] == [
        ["all", "3", "1"],
        ["model", "large:70b", "1", "0"],
        ["model", "small:1b", "2", "1"],
        ["host", "http://here", "3", "1"],
        ["kind", "chat", "3", "1"],
    ]
    assert speeds[0][-7:] == ["1000.0", "3000.0", "3000.0", "320", "200.0", "24", "20.0"]


def test_without_calls_nobody_makes_numbers_up(api: TokenMaker, client: Client, person: User):
    """The command has no table, the page says that no model was asked, the counters stand at 0."""
    client.force_login(person)

    assert printed().splitlines()[-1] == (
        "Calls to models in the last 24 hours: 0, 0 tried again, 0 failed."
    )
    assert json.loads(printed("--json"))["inference"]["overall"]["elapsed"]["p50_ms"] is None
    assert "No model was asked in the last 24 hours." in " ".join(card(client))
    assert samples(api("cache:read"))["perfsite_inference_tokens_total prompt"] == 0


def test_counters_never_fall_when_rows_go(asked: None, api: TokenMaker):
    """Prometheus takes a fall for a new start, and would add all that there ever was once more."""
    scraper = api("cache:read")
    before = samples(scraper)
    InferenceCall.objects.update(at=timezone.now() - timedelta(days=91))

    prune(InferenceCall)

    assert not InferenceCall.objects.exists()
    assert samples(scraper) == before
