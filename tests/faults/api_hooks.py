"""What a fuzzer can't make up: real images, keys that were never used, ids of what is there.

schemathesis loads it by itself where it finds schemathesis.toml. Wrong requests stay as they are.
"""

import itertools
import re
import uuid
from typing import Any

import httpx
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response

from tests.pictures import photo

CONFIG = "/api/v1/config/"
REFLECTIONS = "/api/v1/reflections/"
# Where the ids of a path's parameters are listed, and what a row calls its own.
LISTS = {
    "reflection_id": (REFLECTIONS, "id"),
    "key": ("/api/v1/cache/entries/", "key"),
    "run_id": ("/api/v1/cache/warm/", "id"),
    "webhook_id": ("/api/v1/webhooks/", "id"),
    "number": ("/api/v1/config/history/", "number"),
    "token_id": ("/api/v1/auth/tokens/", "id"),
}
HOST = re.compile(r"^https?://[^/?#]*")
# Of so many right requests one stays as it was made up, and one purge is no dry run.
MADE_UP, REAL_PURGE = 4, 40
turn = itertools.count()
client = httpx.Client(trust_env=False, timeout=60)

for form in ("JPEG", "PNG", "WebP"):
    schemathesis.openapi.media_type(f"image/{form.lower()}", st.just(photo(form)))


@schemathesis.hook
def before_call(_context: HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    """Give right requests what they need to do something."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # With a key that came with another body before, each body but the first is refused.
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    # None but the present one is right, and that changes with each that is.
    case.headers.pop("If-Match", None)
    # While a model is out of reach, whoever waits does so in vain.
    if "wait" in case.query:
        case.query["wait"] = min(int(case.query["wait"]), 1)
    # Else nothing would be left to read; now and then it is.
    if case.path.endswith("/purge/") and next(turn) % REAL_PURGE:
        case.body["dry_run"] = True
    # What is made up may be somebody's, who asked for no messages.
    if isinstance(case.body, dict) and isinstance(case.body.get("url"), str):
        case.body["url"] = HOST.sub("https://nobody.example", case.body["url"])
    if case.path_parameters and next(turn) % MADE_UP:
        case.path_parameters.update(_present(case))


@schemathesis.hook
def after_call(_context: HookContext, case: Case, response: Response) -> None:
    """Put the configuration back: without a cache, or time for the model, little else is met."""
    changes = case.path.startswith(CONFIG) and case.method in {"PATCH", "POST"}
    if changes and response.status_code == 200:
        values = response.json()["values"]
        names = [f"{section}.{name}" for section in values for name in values[section]]
        _ask(case, "PATCH", CONFIG, {"reset": names})


def _present(case: Case) -> dict[str, str]:
    """Return ids of what is there for who asks, in a state that suits what is asked."""
    if case.path.startswith(REFLECTIONS) and case.path.endswith(("/cancel/", "/retry/")):
        made = _ask(case, "POST", REFLECTIONS, {"text": f"I'm waiting for {uuid.uuid4()}"})
        if "id" in made and case.path.endswith("/retry/"):
            _ask(case, "POST", f"{REFLECTIONS}{made['id']}/cancel/")
        return {"reflection_id": made["id"]} if "id" in made else {}
    found = {}
    for name in LISTS.keys() & case.path_parameters.keys():
        path, member = LISTS[name]
        if rows := _ask(case, "GET", path).get("results"):
            found[name] = str(rows[0][member])
    return found


def _ask(case: Case, method: str, path: str, body: Any = None) -> dict[str, Any]:
    url = f"{case.operation.base_url.rstrip('/')}{path}"
    who = case.operation.schema.config.headers_for(operation=case.operation)
    answer: dict[str, Any] = client.request(method, url, json=body, headers=who).json()
    return answer
