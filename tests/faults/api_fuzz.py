"""The API under a fuzzer, at length: `python -m tests.faults.api_fuzz`, or `make fuzz`.

schemathesis reads the API's description and holds a running site to it with all its checks: what
the description allows is accepted, what it forbids is refused, and each answer is one that it
names. A scripted model that can see answers the site's workers. Prints what docs/reliability.md
shows, and ends with 1 where anything was found.
"""

import argparse
import json
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import CheckFailureInfo, ScenarioRecorder

from tests.engines import ROOT
from tests.faults import api_hooks  # noqa: F401  # registers itself
from tests.sites import Site, running_site
from tests.standin import sight, standin

# Who asks, by the scopes of the token and the owner that it is bound to.
EVERY_SCOPE = (
    "enrich:run",
    "enrich:read",
    "cache:read",
    "cache:purge",
    "config:read",
    "config:write",
    "token:issue",
)
TOKENS = {"every scope": (EVERY_SCOPE, ""), "two scopes, one owner": (EVERY_SCOPE[:2], "ada")}
NOBODY = "no token"
SIGNED_IN = "an administrator, signed in"
UNTHROTTLED = dict.fromkeys(
    ("THROTTLE_READ", "THROTTLE_SUBMISSION", "THROTTLE_PURGE", "THROTTLE_CONFIG"), "0"
)
# What is asked again and again, so that its answers come from the cache.
TEXTS = ("I'm feeling grateful for my sister today", "The rain does not stop and I am alone")
# So many of an enumeration's members are tried in a short run: 600 time zones tell no more.
SOME = 3
# Each of the tuning's values has limits of its own: 500 requests.
LONG_TO_COVER = {
    "include-operation-id": "config_change",
    "phases": {"coverage": {"enabled": False}},
}
SHOWN_BYTES = 1_000


@dataclass(kw_only=True)
class Outcome:
    """What became of one caller's requests.

    answers: by operation, how often which status; checks: how often each was made; failures: the
    first of each kind as the fuzzer tells of it, and how many there were.
    """

    caller: str
    operations: frozenset[str]
    cases: int = 0
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    checks: Counter[str] = field(default_factory=Counter)
    failures: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def statuses(self) -> Counter[int]:
        return sum(self.answers.values(), Counter())

    @property
    def unheard(self) -> set[str]:
        """The operations that never did what they are for."""
        return {name for name in self.operations if min(self.answers.get(name, {500})) >= 300}

    def add(self, seen: ScenarioRecorder) -> None:
        """Count a scenario."""
        self.cases += len(seen.cases)
        for key, case in seen.cases.items():
            told = seen.interactions.get(key)
            own = case.value.method.upper() == case.value.operation.method.upper()
            if told and told.response and own:
                answers = self.answers.setdefault(case.value.operation.label, Counter())
                answers[told.response.status_code] += 1
            for check in seen.checks.get(key, ()):
                self.checks[check.name] += 1
                if check.status is Status.FAILURE and check.failure_info:
                    self._fail(check.name, check.failure_info, told and told.response)

    def _fail(self, check: str, info: CheckFailureInfo, response: Response | None) -> None:
        found = info.failure
        status = response.status_code if response else "no answer"
        body = response.content[:SHOWN_BYTES].decode(errors="replace") if response else ""
        details = "\n".join([found.message, f"{status} {body}", info.code_sample[:SHOWN_BYTES]])
        self.fail(f"{check}: {found.operation}: {found.title} ({status})", details)

    def fail(self, kind: str, details: str) -> None:
        """Note something that was found; of one kind the first shows what it is."""
        first, times = self.failures.get(kind, (details, 0))
        self.failures[kind] = (first, times + 1)


def prove(
    url: str,
    caller: str,
    headers: Mapping[str, str],
    *,
    seed: int,
    examples: int,
    phases: Sequence[str] = ("examples", "coverage", "fuzzing", "stateful"),
    short: bool = False,
    after: Callable[[int], None] = lambda _status: None,
) -> Outcome:
    """Return what came of one caller's requests to the site at an address.

    Args:
        examples: how many requests are made up for each operation; those that follow from the
            description's own limits come beside them.
        short: try a few members of each long enumeration instead of all, and the like.
        after: is told the status of each answer.
    """
    wanted = _config(headers, seed, examples, phases)
    if short:
        wanted["operations"] = [LONG_TO_COVER]
    config = SchemathesisConfig.from_dict(wanted)
    described = httpx.get(f"{url}/api/schema/", trust_env=False).json()
    if short:
        described = _shortened(described)
    schema = schemathesis.openapi.from_dict(described, config=config)
    schema.config.update(base_url=url)

    @schema.hook("after_call")
    def tell(_context: Any, _case: Any, response: Any) -> None:
        after(response.status_code)

    operations = frozenset(found.ok().label for found in schema.get_all_operations())
    outcome = Outcome(caller=caller, operations=operations)
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                outcome.add(event.recorder)
            case events.NonFatalError():
                outcome.fail(f"error: {event.label}", str(event.value))
            case events.FatalError():
                raise event.exception
    return outcome


def _config(
    headers: Mapping[str, str], seed: int, examples: int, phases: Sequence[str]
) -> dict[str, Any]:
    """Return how schemathesis goes about it: all checks, right data and wrong."""
    every = ("examples", "coverage", "fuzzing", "stateful")
    by_token = "Cookie" not in headers
    common = tomllib.loads((ROOT / "schemathesis.toml").read_text())
    return {
        **common,
        "seed": seed,
        "headers": dict(headers),
        "continue-on-failure": True,
        # It would lay credentials of its own over a browser's, and take away but a token.
        "generation": {"max-examples": examples, "with-security-parameters": by_token},
        "checks": {"ignored_auth": {"enabled": by_token}},
        "phases": {name: {"enabled": name in phases} for name in every},
        "dictionaries": {"texts": {"values": list(TEXTS)}},
        "parameters": {"body.text": {"dictionary": "texts", "probability": 0.3}},
    }


def _shortened(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_shortened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: part[:SOME] if name == "enum" and len(part) > 10 * SOME else _shortened(part)
        for name, part in schema.items()
    }


def report(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the lines of the tables, and all that was found."""
    yield "| who asks | operations | cases | checks | answers | found |"
    yield "|---|---|---|---|---|---|"
    for done in outcomes:
        seen = ", ".join(f"{times:,} x {status}" for status, times in sorted(done.statuses.items()))
        found = sum(times for _, times in done.failures.values())
        yield (
            f"| {done.caller} | {len(done.operations)} | {done.cases:,} | {done.checks.total():,} "
            f"| {seen} | {found or 'nothing'} |"
        )
    yield "\n| check | made |\n|---|---|"
    every = sum((done.checks for done in outcomes), Counter())
    yield from (f"| {name} | {times:,} |" for name, times in sorted(every.items()))
    for done in outcomes:
        for kind, (first, times) in sorted(done.failures.items()):
            yield f"\n--- {done.caller}: {times} x {kind}\n{first}"


def _sign_in(site: Site) -> dict[str, str]:
    """Return what the browser of an administrator sends."""
    site.env.update(DJANGO_SUPERUSER_USERNAME="root", DJANGO_SUPERUSER_PASSWORD="secret of tests")
    site.manage("createsuperuser", "--noinput", "--email", "root@example.org")
    with httpx.Client(base_url=site.url, trust_env=False) as browser:
        browser.get("/login/")
        form = {
            "username": "root",
            "password": site.env["DJANGO_SUPERUSER_PASSWORD"],
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        browser.post("/login/", data=form)
        cookies = dict(browser.cookies)
    return {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "X-CSRFToken": cookies["csrftoken"],
    }


def main() -> None:
    """Start a site, ask it as each caller, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--examples", type=int, default=50, help="for each operation")
    options = parser.parse_args()
    start = time.monotonic()
    outcomes = []
    with tempfile.TemporaryDirectory() as folder, standin() as script:
        script.capabilities = ("completion", "vision")
        script.chat = sight(script)
        with running_site(
            Path(folder), "--no-engine", OLLAMA_HOST=script.url, **UNTHROTTLED
        ) as site:
            callers = {NOBODY: {}, SIGNED_IN: _sign_in(site)}
            for caller, (scopes, owner) in TOKENS.items():
                words = [word for scope in scopes for word in ("--scope", scope)]
                words += ["--owner", owner, "--json"]
                made = json.loads(site.manage("create_token", f"app{len(callers)}", *words))
                callers[caller] = {"Authorization": f"Bearer {made['token']}"}
            for caller, headers in callers.items():
                outcome = prove(
                    site.url, caller, headers, seed=options.seed, examples=options.examples
                )
                outcomes.append(outcome)
    cases = sum(done.cases for done in outcomes)
    print(f"schemathesis {schemathesis.__version__}, seed {options.seed}: {cases:,} cases\n")
    print("\n".join(report(outcomes)))
    print(f"\nTook {time.monotonic() - start:.0f} s.")
    sys.exit(any(done.failures for done in outcomes))


if __name__ == "__main__":
    main()
