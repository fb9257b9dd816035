"""A worker's first calls, in a process of their own.

Reads texts from standard input as JSON. Does what a worker does at its start, unless --unprimed is
given; then has each text read and written about, and prints the seconds of each call as JSON.
"""

import json
import sys


def main() -> None:
    """Measure and print."""
    texts = json.load(sys.stdin)
    import django

    django.setup()
    from enrichment import hosts, worker
    from tests.benchmarks.inference.sides import TunedSite, play

    if "--unprimed" not in sys.argv and not all(
        worker.look_after_model(client, None) for client in hosts.get_client().clients
    ):
        raise SystemExit("the model could not be loaded")
    site = TunedSite(hosts.get_client())
    turns = [play(site, text, number) for number, text in enumerate(texts)]
    print(json.dumps({name: [getattr(turn, name) for turn in turns] for name in STAGES}))


STAGES = ("stage1", "stage2")

if __name__ == "__main__":
    main()
