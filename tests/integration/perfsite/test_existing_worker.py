"""The example of a worker that was there before: with three lines more it asks the model once."""

import os
import subprocess
import sys
from pathlib import Path

from tests.engines import ROOT
from tests.standin import standin

SCRIPT = ROOT / "examples" / "existing_worker.py"
TEXT = "I am grateful for my sister."


def test_second_run_is_answered_without_the_model(tmp_path: Path) -> None:
    """The answer is the same; the first run had to make the cache's file first."""
    with standin() as model:
        environment = {**os.environ, "VAR_DIR": str(tmp_path), "OLLAMA_URL": model.url}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        manage = [sys.executable, "manage.py", "migrate", "--database", "cache"]
        subprocess.run(manage, cwd=ROOT, env=environment, capture_output=True, check=True)
        command = [sys.executable, "-m", "examples.existing_worker", TEXT]
        told = [
            subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
            ).stdout
            for _ in range(2)
        ]
        assert told[0] == told[1] != ""
        assert len(model.questions("/api/generate")) == 1


def test_documentation_shows_the_script_as_it_is() -> None:
    """Word for word; and what is numbered is three lines."""
    script = SCRIPT.read_text()
    assert f"```python\n{script}```\n" in (ROOT / "docs" / "integration.md").read_text()
    assert [line[-1] for line in script.splitlines() if "  # " in line] == ["1", "2", "3"]
