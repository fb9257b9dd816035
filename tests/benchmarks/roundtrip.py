"""Cold against hit, through HTTP, queue, worker and model: `python -m tests.benchmarks.roundtrip`.

Each text is submitted twice to one running site, first cold and then cached, so that both sides are
measured in the same run. The time is what a client sees: from the request to the finished result.
With one variant of each text, so that nothing is made ahead meanwhile.
"""

import argparse
import statistics
import tempfile
import time
from itertools import cycle, islice, product
from pathlib import Path

import httpx

from tests.sites import running_site, wait_until_finished

SUBJECTS = ("my sister", "an old friend", "my neighbour", "the exam", "our garden", "a long walk")
FEELINGS = ("grateful for", "worried about", "proud of", "sad about", "calm after", "angry about")


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=12, help="how many texts (default: 12)")
    count = parser.parse_args().texts
    texts = [
        f"Today I am {feeling} {subject}, {number}"
        for number, (subject, feeling) in enumerate(
            islice(cycle(product(SUBJECTS, FEELINGS)), count)
        )
    ]
    with (
        tempfile.TemporaryDirectory() as directory,
        running_site(Path(directory), PERF_CONFIG=_tuning(Path(directory))) as site,
        site.client("enrich:run", "enrich:read") as client,
    ):
        cold = [_seconds(client, text) for text in texts]
        hits = [_seconds(client, text) for text in texts]
    print(f"{'':<10}{'n':>5}{'p50 ms':>12}{'slowest ms':>12}{'ratio of p50':>14}")
    base = statistics.median(cold)
    for name, times in (("cold", cold), ("hit", hits)):
        middle = statistics.median(times)
        row = f"{middle * 1000:>12.1f}{max(times) * 1000:>12.1f}{base / middle:>13.0f}x"
        print(f"{name:<10}{len(times):>5}{row}")


def _tuning(directory: Path) -> str:
    tuning = directory / "perf_config.json"
    tuning.write_text('{"inference": {"variants": 1}}')
    return str(tuning)


def _seconds(client: httpx.Client, text: str) -> float:
    started = time.perf_counter()
    response = client.post("/api/v1/reflections/", json={"text": text})
    if response.status_code != httpx.codes.OK:
        wait_until_finished(client, response.headers["Location"])
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
