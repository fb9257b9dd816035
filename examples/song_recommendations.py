"""Songs for a feeling, as a worker of your own would fetch them from an API beside Ollama.

python -m examples.song_api                                              # in one terminal
python -m examples.song_recommendations http://127.0.0.1:8100 joyful     # in another
"""

import asyncio
import os
import sys
from typing import Any

import django

from enrichment.inference.api_errors import ApiError
from enrichment.inference.http import ApiClient


async def recommend(client: ApiClient, base_url: str, feeling: str) -> list[dict[str, Any]]:
    """Return songs for a feeling: asked once a day at most, then from the cache."""
    answer = await client.get(
        f"{base_url}/songs",
        params={"feeling": feeling, "limit": 3},
        headers={"Authorization": f"Bearer {os.environ.get('SONG_API_TOKEN', 'none')}"},
        deadline_seconds=30,
    )
    print(f"{feeling}: {answer.cache}", file=sys.stderr)
    songs: list[dict[str, Any]] = answer.json()["songs"]
    return songs


async def save_playlist(
    client: ApiClient, base_url: str, job_id: str, songs: list[dict[str, Any]]
) -> str:
    """Make a playlist and return its id; however often a job is tried, it is one playlist."""
    answer = await client.request(
        "POST",
        f"{base_url}/playlists",
        json={"songs": [song["id"] for song in songs]},
        # Of the job, not of the moment: when the job is tried again it is the same.
        idempotency_key=f"playlist-{job_id}",
        deadline_seconds=30,
    )
    return str(answer.json()["id"])


async def run_job(base_url: str, job_id: str, feelings: list[str]) -> str:
    """Do a job's work: the feelings at once, within the limits of the tuning file."""
    # At the top of the module in a worker, where Django is set up before it is imported.
    from enrichment.api_clients import make_api_client  # noqa: PLC0415

    async with make_api_client() as client:
        found = await asyncio.gather(*(recommend(client, base_url, name) for name in feelings))
        return await save_playlist(client, base_url, job_id, [song for of in found for song in of])


def work(base_url: str, job_id: str, feelings: list[str]) -> str:
    """The task that a queue calls, as `async_task(work, ...)` of django-q2: no async code."""
    return asyncio.run(run_job(base_url, job_id, feelings))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfsite.settings")
    django.setup()
    try:
        print(work(sys.argv[1], "7", sys.argv[2:] or ["joyful"]))
    except ApiError as exc:
        sys.exit(f"{exc} ({'try again later' if exc.retryable else 'trying again is no use'})")
