"""The model of the chaos runs: its answers follow from the questions, so a wrong one is seen.

Each fault of a model is a `Mood`. What was answered well is counted by question, so that what was
inferred more than once is seen too.
"""

import hashlib
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum
from typing import Any

from enrichment.inference.messages import ChatRequest, GenerateRequest, ModelIdentity, Reply
from enrichment.inference.replies import read_reply
from enrichment.stages import wheel
from enrichment.stages.likelihood import PLAIN_WORDS
from enrichment.stages.prompts import FEELING_ENDINGS
from tests.standin import BREAKS_OFF, DIGEST, MODEL, Answer, Script, feeling, standin, written

GENERATE_SECONDS = 0.05
CHAT_SECONDS = 0.3
SLOW_SECONDS = 2.0
# An answer that was sent so lately may not have been stored yet.
KEEPING_SECONDS = 0.25
QUESTION = "How does the writer feel? "
ADJECTIVES = ("small", "quiet", "warm", "blue", "slow", "green", "soft", "wide", "plain", "bright")
PLACES = ("kitchen", "garden", "river", "street", "window", "station", "bridge", "market")
# Legal JSON that must not be shown to anybody: it says the same three times, and insults.
LIE = {
    "poem": ["You are worthless and you know it."] * 3,
    "tips": ["You are worthless and you know it."] * 3,
    "closing_line": "It is all your fault and it will stay so.",
}


class Mood(Enum):
    """How the model behaves."""

    WELL = "well"
    DOWN = "down"
    SLOW = "slow"
    FAILING = "answers 500"
    GARBLED = "answers garbage"
    LYING = "lies"
    HANGING = "hangs"
    CUTTING = "closes in mid-stream"


BAD_ANSWERS: dict[Mood, Answer] = {
    Mood.FAILING: (500, b'{"error": "llama runner process has terminated"}'),
    Mood.GARBLED: (200, b"<html>It works!</html>"),
    Mood.LYING: (200, b'{"response": "", "done": true, "logprobs": [7]}'),
    Mood.CUTTING: (BREAKS_OFF, b'{"response": "", "message": {"content": ""}, "done": false}\n'),
}


class ChaosModel:
    """A scripted model with moods; serves on one port all the time that it is not down."""

    def __init__(self) -> None:
        self.script = Script(generate=self._generate, chat=self._chat)
        self.mood = Mood.WELL
        self.answered: Counter[str] = Counter()
        self.excused: Counter[str] = Counter()
        self.lied_to: set[str] = set()
        self.last_answer_at = 0.0
        self._calm = threading.Event()
        self._lock = threading.Lock()
        self._asking: Counter[str] = Counter()
        # So many faults go on at once.
        self._counting = 0
        self._lately: deque[tuple[float, str]] = deque(maxlen=20)
        self._serving = ExitStack()

    def start(self) -> None:
        """Serve; at the same address as before, if there was one."""
        port = int(self.script.url.rpartition(":")[2]) if self.script.url else 0
        self._serving.enter_context(standin(self.script, port=port))

    def stop(self) -> None:
        """Answer nobody any more, and cut off who waits."""
        self._calm.set()
        self._serving.close()

    @contextmanager
    def feeling(self, mood: Mood) -> Iterator[None]:
        """Behave otherwise for a while."""
        self._calm.clear()
        self.mood = mood
        if mood is Mood.DOWN:
            self.stop()
        try:
            yield
        finally:
            self.mood = Mood.WELL
            self._calm.set()
            if mood is Mood.DOWN:
                self.start()

    @contextmanager
    def counting_lost(self) -> Iterator[None]:
        """Excuse what is asked meanwhile, or was not kept before: a fault may cost its answer."""
        with self._lock:
            self.excused += self._asking
            kept_before = time.monotonic() - KEEPING_SECONDS
            self.excused.update(stage for at, stage in self._lately if at > kept_before)
            self._counting += 1
        try:
            yield
        finally:
            with self._lock:
                self._counting -= 1

    @property
    def wasted(self) -> list[str]:
        """What was inferred more often than once and than faults may have cost its answer."""
        return [
            f"{times} times, {self.excused[stage]} excused: {stage}"
            for stage, times in self.answered.items()
            if times > 1 + self.excused[stage]
        ]

    def _generate(self, body: dict[str, Any]) -> Answer:
        prompt = body.get("prompt", "")
        # Loading takes no time here, but fails as a question does.
        seconds = GENERATE_SECONDS if prompt else 0.0
        return self._answer(body, seconds, answer_feeling(prompt))

    def _chat(self, body: dict[str, Any]) -> Answer:
        return self._answer(body, CHAT_SECONDS, answer_writing(body["messages"][-1]["content"]))

    def _answer(self, body: dict[str, Any], seconds: float, answer: Answer) -> Answer:
        stage = stage_of(body)
        with self._lock:
            self._asking[stage] += 1
            self.excused[stage] += bool(self._counting)
        try:
            time.sleep(seconds)
            return self._in_mood(body, answer)
        finally:
            with self._lock:
                self._asking[stage] -= 1
                self._lately.append((time.monotonic(), stage))

    def _in_mood(self, body: dict[str, Any], answer: Answer) -> Answer:
        if self.mood is Mood.SLOW:
            self._calm.wait(SLOW_SECONDS)
        elif self.mood in {Mood.HANGING, Mood.DOWN}:
            self._calm.wait()
            return BREAKS_OFF, b""
        elif self.mood is Mood.LYING:
            self.lied_to.add(stage_of(body))
            return written(json.dumps(LIE)) if "messages" in body else BAD_ANSWERS[Mood.LYING]
        elif self.mood is not Mood.WELL:
            return BAD_ANSWERS[self.mood]
        if begins_stage(body):
            with self._lock:
                self.answered[stage_of(body)] += 1
                self.last_answer_at = time.time()
        return answer


def stage_of(body: dict[str, Any]) -> str:
    """Return which inference a question belongs to, however it is asked.

    One of Stage 1 takes several questions: for a primary, and for a word under it.
    """
    if messages := body.get("messages"):
        return str(messages[-1]["content"])
    return str(body.get("prompt", "")).partition(QUESTION)[0]


def begins_stage(body: dict[str, Any]) -> bool:
    """Return whether a question is the first of an inference."""
    return "messages" in body or str(body.get("prompt", "")).endswith(QUESTION + FEELING_ENDINGS[0])


def answer_feeling(prompt: str) -> Answer:
    """Answer what the writer feels, by chance of the text: a primary, then a word under it."""
    text, _, asked = prompt.partition(QUESTION)
    choice = _chance(text)
    if asked in FEELING_ENDINGS:
        words = tuple(PLAIN_WORDS.values())
        first = words[choice % len(words)]
        return feeling({first: -0.05, **{word: -9.0 for word in words if word != first}})
    plain = asked.removeprefix("The writer feels ").partition(".")[0]
    primary = next(name for name, word in PLAIN_WORDS.items() if word == plain)
    secondaries = wheel.secondaries(primary)
    tertiaries = wheel.tertiaries(secondaries[choice % len(secondaries)])
    return feeling({tertiaries[choice // 7 % len(tertiaries)]: -0.1})


def answer_writing(about: str) -> Answer:
    """Write for a feeling, in words that follow from it."""
    chance = _chance(about)
    first, second = (ADJECTIVES[chance // step % len(ADJECTIVES)] for step in (1, 10))
    place, other = (PLACES[chance // step % len(PLACES)] for step in (100, 1_000))
    writing = {
        "poem": [
            f"The rain is slow on the {first} {place} roof.",
            "A cup of tea grows warm in my hands.",
            f"Somewhere a bird begins its {second} evening song.",
        ],
        "tips": [
            "Open the window and breathe the cool air.",
            f"Walk slowly to the {other} before dinner.",
            "Write a short note to an old friend.",
        ],
        "closing_line": f"The evening is {second} and it is yours.",
    }
    return written(json.dumps(writing))


def _chance(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


class Truth:
    """The same model without moods or sockets: what the stages make of its answers is right.

    asked_last: the inference that was last asked for.
    """

    asked_last = ""

    def identity(self) -> ModelIdentity:
        return ModelIdentity(name=MODEL, digest=DIGEST, engine="ollama")

    def generate(self, request: GenerateRequest) -> Reply:
        self.asked_last = stage_of({"prompt": request.prompt})
        content = json.loads(answer_feeling(request.prompt)[1])
        return read_reply(content, content["response"])

    def chat(self, request: ChatRequest) -> Reply:
        self.asked_last = request.messages[-1][1]
        content = json.loads(answer_writing(request.messages[-1][1])[1])
        return read_reply(content, content["message"]["content"])
