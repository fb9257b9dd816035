"""Several scripted hosts as one: who is asked, and who never."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from enrichment.errors import (
    CircuitOpen,
    HostBrokeOff,
    HostFailed,
    HostUnreachable,
    ModelMissing,
)
from enrichment.inference import pool as pool_module
from enrichment.inference.messages import GenerateRequest, ModelIdentity
from enrichment.inference.ollama import OllamaClient
from enrichment.inference.pool import OllamaPool
from tests.unit.enrichment.inference.test_ollama_client import SETTINGS, Host, entry

URLS = ("http://a:11434", "http://b:11434", "http://c:11434")
ONCE = replace(SETTINGS, retry_attempts=0)
SAME = ModelIdentity(name="small:1b", digest="ab" * 32, engine="ollama")
OTHER_DIGEST = "cd" * 32
REFUSED = httpx.ConnectError("refused")


@dataclass
class Counted:
    """How busy each host is, as a test says; it keeps who was asked."""

    busy: Counter[str] = field(default_factory=Counter)
    asked: list[str] = field(default_factory=list)

    def outstanding(self, url: str) -> int:
        return self.busy[url]

    @contextmanager
    def asking(self, url: str) -> Iterator[None]:
        self.asked.append(url)
        yield


def pool_of(*hosts: Host, load: Counted | None = None, **guards: Any) -> OllamaPool:
    """Return a pool of scripted hosts; a guard by the last part of a host's name."""
    clients = [
        OllamaClient(
            url,
            ONCE,
            transport=httpx.MockTransport(host),
            guard=guards.get(url[7], nullcontext),
        )
        for url, host in zip(URLS, hosts, strict=False)
    ]
    return OllamaPool(clients, SETTINGS, load or Counted())


def ask(pool: OllamaPool, text: str = "Diary", model: ModelIdentity | None = None) -> str:
    return pool.generate(GenerateRequest(prompt=text, model=model)).text


def questions(host: Host) -> int:
    return len(host.bodies("/api/generate"))


def test_least_busy_host_is_asked() -> None:
    """Work goes where the fewest questions of all processes are."""
    load = Counted(busy=Counter({URLS[0]: 2, URLS[1]: 1, URLS[2]: 3}))
    pool = pool_of(Host(), Host(), Host(), load=load)
    for number in range(10):
        ask(pool, f"Diary {number}")
    assert set(load.asked) == {URLS[1]}


def test_same_beginning_goes_to_the_same_host_and_others_spread() -> None:
    """A host keeps the prompts it has seen; so does a pool of another process."""
    load, other = Counted(), Counted()
    pool = pool_of(Host(), Host(), Host(), load=load)
    for number in range(30):
        ask(pool, f"Diary {number}")
        ask(pool, f"Diary {number}")
    assert load.asked[::2] == load.asked[1::2]
    assert set(load.asked) == set(URLS)

    twin = pool_of(Host(), Host(), Host(), load=other)
    for number in range(30):
        ask(twin, f"Diary {number}")
    assert other.asked == load.asked[::2]


def test_host_with_another_model_under_the_name_is_never_asked() -> None:
    """An answer is kept under the digest of the model that gave it."""
    stranger = Host([entry("small:1b", OTHER_DIGEST)])
    pool = pool_of(stranger, Host(), Host())
    for number in range(20):
        ask(pool, f"Diary {number}", SAME)
    assert questions(stranger) == 0


def test_model_that_no_host_has_any_more_is_missing() -> None:
    """Nobody answers in the place of the model that was asked."""
    hosts = [Host([entry("small:1b", OTHER_DIGEST)]) for _ in URLS]
    with pytest.raises(ModelMissing):
        ask(pool_of(*hosts), model=SAME)
    assert sum(map(questions, hosts)) == 0


@pytest.mark.parametrize("refusal", [REFUSED, httpx.Response(503), httpx.Response(429)])
def test_question_that_one_host_did_not_accept_goes_to_the_next(refusal) -> None:
    """A host that refuses costs no waiting while another is free."""
    first, second = Host(steps=[refusal]), Host()
    load = Counted(busy=Counter({URLS[1]: 1}))
    pool = pool_of(first, second, load=load)

    assert ask(pool) == " happy"
    assert load.asked == [URLS[0], URLS[1]]


def test_host_that_failed_is_asked_last_for_a_while() -> None:
    """The next questions don't find out the same again."""
    first, second = Host(steps=[REFUSED]), Host()
    pool = pool_of(first, second, load=Counted(busy=Counter({URLS[1]: 1})))
    for _ in range(5):
        ask(pool)
    assert questions(first) == 1


def test_host_that_lost_its_model_leaves_the_work_to_the_others() -> None:
    """It would refuse fastest of all, and so be the least busy for ever."""
    gone = httpx.Response(404, json={"error": "model 'small:1b' not found"})
    first, second = Host(steps=[gone] * 9), Host()
    pool = pool_of(first, second, load=Counted(busy=Counter({URLS[1]: 1})))
    for _ in range(5):
        assert ask(pool, model=SAME) == " happy"
    assert (questions(first), questions(second)) == (1, 5)


def test_only_host_that_lost_its_model_for_a_moment_is_asked_again() -> None:
    """One that loads it anew is not left alone, and what is cached of it can still be served."""
    gone = httpx.Response(404, json={"error": "model 'small:1b' not found"})
    pool = pool_of(Host(steps=[gone]))
    with pytest.raises(ModelMissing):
        ask(pool, model=SAME)
    assert pool.identity() == SAME
    assert ask(pool, model=SAME) == " happy"


def test_host_that_fails_at_once_is_asked_last_for_a_while() -> None:
    """One whose runner crashes costs one question, not all."""
    first, second = Host(steps=[httpx.Response(500)]), Host()
    pool = pool_of(first, second, load=Counted(busy=Counter({URLS[1]: 1})))
    with pytest.raises(HostFailed):
        ask(pool)
    assert [ask(pool) for _ in range(3)] == [" happy"] * 3
    assert questions(first) == 1


def test_trouble_that_is_told_often_holds_on_to_no_caller() -> None:
    """Each raise would add its frames, with whatever stands in them."""
    pool = pool_of(Host(away=REFUSED), Host(away=REFUSED))
    lengths = []
    for _ in range(5):
        with pytest.raises(HostUnreachable) as caught:
            pool.identity()
        lengths.append(len(list(caught.traceback)))
    assert lengths[-1] == lengths[1]


def test_question_that_was_accepted_goes_to_no_other_host() -> None:
    """What may have been worked on is not asked twice."""
    first, second = Host(steps=[httpx.ReadError("reset")]), Host()
    with pytest.raises(HostBrokeOff):
        ask(pool_of(first, second, load=Counted(busy=Counter({URLS[1]: 1}))))
    assert questions(second) == 0


def test_host_that_is_given_up_is_passed_over() -> None:
    """One host's open circuit is no reason to fail while another answers."""

    def open_circuit() -> Any:
        raise CircuitOpen("failed 5 times in a row")

    first, second = Host(), Host()
    pool = pool_of(first, second, load=Counted(busy=Counter({URLS[1]: 1})), a=open_circuit)
    assert ask(pool) == " happy"
    assert questions(first) == 0


def test_pool_whose_hosts_all_refuse_asks_again_and_says_why() -> None:
    """All hosts are tried as often as one alone would be."""
    hosts = [Host(steps=[REFUSED] * 4) for _ in URLS]
    with pytest.raises(HostUnreachable):
        ask(pool_of(*hosts))
    assert [questions(host) for host in hosts] == [4, 4, 4]


def test_identity_is_that_of_the_first_host_that_is_well() -> None:
    """While the first is away the second's model counts; the first's again when it is back."""
    first, second = Host(away=REFUSED), Host([entry("small:1b", OTHER_DIGEST)])
    pool = pool_of(first, second)
    assert pool.identity().digest == OTHER_DIGEST

    first.away = None
    pool.clients[0].known.learn(SAME)
    assert pool.identity() == SAME


def test_host_that_is_away_is_looked_at_beside_the_questions(monkeypatch) -> None:
    """Nobody waits for a host that swallows what it is sent."""
    looked: list[Any] = []

    class Thread:
        def __init__(self, *, target: Any, args: Any, daemon: bool) -> None:
            looked.append((target, args))

        def start(self) -> None:
            """Not in a test."""

    first, second = Host(away=httpx.ConnectTimeout("slow")), Host()
    pool = pool_of(first, second)
    ask(pool)
    before = len(first.asked)
    monkeypatch.setattr(pool_module.threading, "Thread", Thread)
    monkeypatch.setattr(type(pool.clients[0].known), "is_due", True)

    ask(pool)

    assert len(first.asked) == before
    assert len(looked) == 1
    first.away = None
    looked[0][0](*looked[0][1])
    assert pool.clients[0].trouble is None


def test_identity_of_hosts_that_all_went_away_is_the_last_one() -> None:
    """What is cached can still be served."""
    hosts = [Host(), Host()]
    pool = pool_of(*hosts)
    ask(pool)
    for client in pool.clients:
        client.known.excuse(HostUnreachable("away"))
    assert pool.identity() == SAME


def test_host_without_the_model_leaves_the_work_to_the_others() -> None:
    """One that still pulls the model is no reason to fail."""
    first, second = Host([]), Host()
    pool = pool_of(first, second)
    assert pool.identity() == SAME
    assert ask(pool, model=SAME) == " happy"
    assert questions(first) == 0


def test_abort_reaches_every_host() -> None:
    """A cancelled job is broken off wherever it is asked."""
    pool = pool_of(Host(), Host())
    aborted: list[str] = []
    for client in pool.clients:
        client.abort = lambda url=client.base_url: aborted.append(url)  # type: ignore[method-assign]
    pool.abort()
    assert aborted == list(URLS[:2])
