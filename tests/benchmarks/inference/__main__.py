"""Inference with and without tuning: `python -m tests.benchmarks.inference [FILE]`.

Untuned (a plain client with Ollama's defaults, JSON asked for in the prompt) against tuned (both
stages as the site has them, uncached), on the same server in one run. Sides take turns in rounds,
one text a round, so that the noise of the machine hits all alike: take the ratios. Each ratio is
the median over the rounds, with a 95 % bootstrap interval. `untuned.py` says what the untuned side
does, each other module what its section measures.

FILE is a CSV file of labelled texts, as `manage.py evaluate` takes it; without one (nor
EVALUATION_CSV) some sentences of our own are used, and label accuracy is left out. The host is the
one at OLLAMA_HOST; where that is not set, an embedded model is started.
"""

import argparse
import dataclasses
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import httpx

from enrichment.inference.engine.processor import physical_cores
from enrichment.stages import scoring
from enrichment.stages.scoring import LabelledText
from tests.benchmarks.cache import machine, site_in
from tests.benchmarks.inference.report import Section, show
from tests.engines import running_engine

SECTIONS = ("warm", "unload", "ablation", "accuracy", "priming", "overhead")
DAYS = (
    "We had a long day.",
    "I slept badly and got up late.",
    "It rained the whole afternoon and I stayed at home.",
    "After work I took the bus across the town.",
)
FEELINGS = ("grateful for", "worried about", "proud of", "sad about", "calm after", "angry about")
SUBJECTS = ("my sister", "an old friend", "my neighbour", "the exam", "our garden", "a long walk")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured."""

    rounds: int
    texts: int
    starts: int
    slices: int


QUICK = Extent(rounds=3, texts=12, starts=2, slices=10)


@dataclass(frozen=True, kw_only=True)
class Material:
    """The texts of a run, in a random order. labelled: none without a file."""

    texts: Sequence[str]
    labelled: Sequence[LabelledText]


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="CSV of labelled texts")
    parser.add_argument(
        "--rounds", type=_count, default=10, help="of each comparison (default: 10)"
    )
    parser.add_argument(
        "--texts", type=_count, default=100, help="read for accuracy (default: 100)"
    )
    parser.add_argument("--starts", type=_count, default=6, help="fresh workers (default: 6)")
    parser.add_argument("--only", type=_sections, default=SECTIONS, metavar=",".join(SECTIONS))
    parser.add_argument("--threads", type=_count, help="of the embedded model (default: the cores)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default: 1)")
    parser.add_argument("--quick", action="store_true", help="a short run that shows little")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    options = parser.parse_args()
    extent = QUICK
    if not options.quick:
        extent = Extent(
            rounds=options.rounds, texts=options.texts, starts=options.starts, slices=40
        )
    # Otherwise what was started here would outlive it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    material = read_material(options.file or os.environ.get("EVALUATION_CSV"), options.seed)
    report: dict[str, Any] = {}
    with host_in_use(options.threads or physical_cores()) as fresh_host:
        for name, section in measure(options.only, material, extent, fresh_host):
            report[name] = dataclasses.asdict(section)
            if not options.json:
                print(f"\n== {name}\n")
                show(section)
        report["machine"] = surroundings()
    if options.json:
        print(json.dumps(report))
    else:
        print("\n" + "\n".join(f"{name}: {what}" for name, what in report["machine"].items()))


def _count(number: str) -> int:
    if not number.isascii() or not number.isdigit() or int(number) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is accepted, not {number!r}")
    return int(number)


def _sections(names: str) -> tuple[str, ...]:
    chosen = tuple(names.split(","))
    if unknown := set(chosen) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"no such section: {', '.join(sorted(unknown))}")
    return chosen


def read_material(table: str | Path | None, seed: int) -> Material:
    """Return the texts of a file, or our own, in an order that hangs on the seed."""
    chance = random.Random(seed)
    if not table:
        own = [f"{day} I am {feeling} {subject}." for day, feeling, subject in _own()]
        return Material(texts=chance.sample(own, len(own)), labelled=())
    try:
        with Path(table).open(newline="", encoding="utf-8-sig") as lines:
            found = scoring.read_table(lines).texts
    except (OSError, UnicodeError, scoring.InvalidTable) as exc:
        raise SystemExit(f"{table}: {exc}") from exc
    labelled = chance.sample(found, len(found))
    return Material(texts=[each.text for each in labelled], labelled=labelled)


def _own() -> Iterator[tuple[str, str, str]]:
    return product(DAYS, FEELINGS, SUBJECTS)


@contextmanager
def host_in_use(threads: int) -> Iterator[Callable[[], Any]]:
    """A site and the host that it asks; yields what makes a fresh one."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        given = os.environ.get("OLLAMA_HOST")
        if not given:
            os.environ["OLLAMA_HOST"] = stack.enter_context(_engine(threads))
        stack.enter_context(site_in(folder))
        from enrichment import hosts
        from tests.benchmarks.inference.warm import unload

        # Of several hosts the first alone is measured.
        first = hosts.health().hosts[0]
        if not first.ok:
            raise SystemExit(first.trouble)

        @contextmanager
        def unloaded() -> Iterator[str]:
            client = hosts.get_client().clients[0]
            unload(client.base_url, client.identity().name)
            yield client.base_url

        yield unloaded if given else lambda: _engine(threads)


@contextmanager
def _engine(threads: int) -> Iterator[str]:
    """A new process of the embedded model; its URL."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_engine(Path(folder), threads=threads) as engine,
    ):
        yield engine.url


def measure(
    names: Sequence[str],
    material: Material,
    extent: Extent,
    fresh_host: Callable[[], Any],
) -> Iterator[tuple[str, Section]]:
    """Yield the sections that are wanted, each as soon as it is there. Django must be set up."""
    from enrichment import hosts
    from tests.benchmarks.inference.ablation import ablation, client_with_threads
    from tests.benchmarks.inference.accuracy import accuracy
    from tests.benchmarks.inference.overhead import overhead
    from tests.benchmarks.inference.priming import CALLS, priming
    from tests.benchmarks.inference.sides import TunedSite, asked_in_both_stages
    from tests.benchmarks.inference.warm import after_unload, warm

    model = hosts.get_client().clients[0]
    url = model.base_url

    @cache
    def asked(count: int) -> list[str]:
        return asked_in_both_stages(material.texts, TunedSite(model), count)

    kinds: dict[str, Callable[[], Section]] = {
        "warm": lambda: warm(url, model, asked(extent.rounds)),
        "unload": lambda: after_unload(url, model, asked(extent.rounds)),
        "ablation": lambda: ablation(
            url,
            model,
            asked(extent.rounds),
            lambda threads: client_with_threads(model, threads),
        ),
        "accuracy": lambda: accuracy(url, model, material.labelled[: extent.texts]),
        "priming": lambda: priming(fresh_host, asked(CALLS), extent.starts),
        "overhead": lambda: overhead(extent.slices),
    }
    for name in names:
        if name == "accuracy" and not material.labelled:
            print("accuracy is left out: it takes a FILE of labelled texts", file=sys.stderr)
        else:
            yield name, kinds[name]()


def surroundings() -> dict[str, str]:
    """Return what the numbers depend on."""
    from cachestats.config import current
    from enrichment import hosts

    client = hosts.get_client().clients[0]
    who, how = client.identity(), hosts.client_settings(current().config)
    found = {name: what for name, what in machine().items() if name in {"cpu", "kernel", "python"}}
    return {
        **found,
        "httpx": httpx.__version__,
        "model": f"{who.name} ({who.digest[:12]})",
        "engine": f"{who.engine} {client.version()}",
        "tuned": f"num_thread {how.num_thread}, num_ctx {how.num_ctx}, {how.keep_alive}",
    }


if __name__ == "__main__":
    sys.exit(main())
