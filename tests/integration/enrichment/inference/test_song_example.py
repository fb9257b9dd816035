"""The example of a worker that asks another API: it runs, and the documentation shows it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.song_api import SongApi
from examples.song_recommendations import work

ROOT = Path(__file__).parents[4]
SCRIPT = ROOT / "examples" / "song_recommendations.py"


@pytest.fixture
def songs(monkeypatch: pytest.MonkeyPatch) -> Iterator[SongApi]:
    """The example's API, which fails each third request."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with SongApi() as api:
        threading.Thread(target=api.serve_forever, args=(0.05,), daemon=True).start()
        yield api
        api.shutdown()


def url_of(api: SongApi) -> str:
    return f"http://127.0.0.1:{api.server_port}"


def test_job_that_is_tried_twice_makes_one_playlist(
    songs: SongApi, databases: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Songs come from the cache the second time, and the key keeps the POST from doing it again."""
    feelings = ["joyful", "peaceful"]
    assert [work(url_of(songs), "7", feelings) for _ in range(2)] == ["1", "1"]
    told = capsys.readouterr().err
    assert [told.count(f"{state}\n") for state in ("miss", "hit")] == [2, 2]
    assert len(songs.playlists["playlist-7"]["songs"]) == 6
    assert len(songs.playlists) == 1


def test_example_runs_as_a_script(songs: SongApi, tmp_path: Path) -> None:
    """As its first lines say; here on a site that has no tables yet."""
    environment = {**os.environ, "VAR_DIR": str(tmp_path)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "examples.song_recommendations", url_of(songs), "joyful"]
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, "1\n"), ran.stderr


def test_documentation_shows_the_script_as_it_is() -> None:
    """Word for word: what is read is what was run."""
    shown = (ROOT / "docs" / "integration.md").read_text()
    assert f"```python\n{SCRIPT.read_text()}```\n" in shown
