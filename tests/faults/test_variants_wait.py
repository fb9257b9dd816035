"""What is made ahead keeps nobody waiting, in a whole site with one worker."""

import json
import threading
from pathlib import Path

from tests.queues import until
from tests.sites import DONE_SECONDS, running_site, wait_until_finished
from tests.standin import WRITING, standin, written

TEXT = "I am grateful for my sister."


def test_person_who_comes_while_a_variant_is_written_is_served_first(tmp_path: Path) -> None:
    """The only worker's call is broken off, however long it would take, and is made up for."""
    let_through = threading.Event()

    def chat(body: dict) -> tuple[int, bytes]:
        if body["options"].get("seed", 0) >= 1000:
            let_through.wait(2 * DONE_SECONDS)
        return written(json.dumps(WRITING))

    with standin() as script:
        script.chat = chat

        def seeds() -> set[int]:
            # A worker's start asks for one token, and for no variant.
            return {
                body["options"]["seed"]
                for body in script.questions("/api/chat")
                if "seed" in body["options"]
            }

        with (
            running_site(tmp_path, "--workers", "1", OLLAMA_HOST=script.url) as site,
            site.client("enrich:run", "enrich:read") as client,
        ):

            def submit(text: str) -> dict:
                answer = client.post("/api/v1/reflections/", json={"text": text})
                return wait_until_finished(client, answer.headers["Location"])

            assert submit(TEXT)["stage2"]["variant"] == {"number": 1, "of": 3}
            until(lambda: 1000 in seeds())
            # The model still holds back what the worker asked.
            assert submit("I am grateful for my brother.")["stage2"]["outcome"] == "model"
            assert not let_through.is_set()
            let_through.set()
            until(lambda: submit(TEXT)["stage2"]["variant"]["number"] == 3)
            assert seeds() == {0, 1000, 2000}
