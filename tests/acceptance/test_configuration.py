"""A change of the configuration over the API is in force in web and workers within a second."""

import time
from pathlib import Path

from tests.sites import running_site, wait_until_finished
from tests.standin import standin

REFLECTIONS = "/api/v1/reflections/"
WITHIN_SECONDS = 1.0


def test_change_is_in_force_in_web_and_workers_within_a_second(tmp_path: Path) -> None:
    """Workers ask the model as it says, and the web process answers from no cache any more."""
    tuning = tmp_path / "perf_config.json"
    tuning.write_text('{"inference": {"variants": 1}}')
    with (
        standin() as script,
        running_site(tmp_path, OLLAMA_HOST=script.url, PERF_CONFIG=str(tuning)) as site,
        site.client("enrich:run", "enrich:read", "config:write") as client,
    ):

        def submit(text: str) -> str:
            return str(client.post(REFLECTIONS, json={"text": text}).headers["Location"])

        wait_until_finished(client, submit("I am grateful for my sister."))
        body = {"inference": {"num_predict_long": 77}, "caching": {"enabled": False}}
        assert client.patch("/api/v1/config/", json=body).status_code == 200
        time.sleep(WITHIN_SECONDS)
        asked = len(script.questions("/api/chat"))

        done = wait_until_finished(client, submit("I am grateful for my sister."))

        questions = script.questions("/api/chat")[asked:]
    assert [done[stage]["cache"] for stage in ("stage1", "stage2")] == ["bypass", "bypass"]
    assert {question["options"]["num_predict"] for question in questions} == {77}
