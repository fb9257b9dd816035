"""A worker as many have one, which asks Ollama by itself; with three lines more it asks once.

python -m examples.existing_worker "I am grateful for my sister" "I am afraid of the exam"
"""

import os
import sys

import perfsite.standalone  # noqa: F401  # 1

# isort: split
import httpx

from cachestats.decorators import cached  # 2

OLLAMA = os.environ.get("OLLAMA_URL", "http://127.0.0.1:11434")
MODEL = "llama3.2:3b"


@cached("moods", params={"model": MODEL, "prompt": 1})  # 3
def mood(text: str) -> str:
    """Return a word for how somebody feels."""
    body = {"model": MODEL, "stream": False, "prompt": f"{text}\nIn one word, the writer feels"}
    answer = httpx.post(f"{OLLAMA}/api/generate", json=body, timeout=300)
    return str(answer.raise_for_status().json()["response"]).strip()


if __name__ == "__main__":
    for text in sys.argv[1:]:
        print(mood(text))
