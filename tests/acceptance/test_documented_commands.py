"""Each command that our documents show is run as it stands, or is on a list that says why not."""

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from tests.engines import ROOT
from tests.queues import submit
from tests.sites import Site, running_site
from tests.standin import Script, standin

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What changes the machine, or needs what is not here. Whoever adds to it says why.
ELSEWHERE = {
    "ollama pull": "there is no Ollama",
    "docker compose": "there is no container engine",
    "systemd-run": "it runs a service",
    "systemctl": "it installs a service",
    "useradd": "it makes an account",
    "chown": "it needs an account of that name",
    "/etc/": "it writes where only root may",
    "/opt/perfsite": "it installs into the system",
    "/srv/": "it writes beside the project; test_backup_and_rollback.py runs it",
    "manage.py migrate": "it takes the tables back; test_migrations.py runs it",
    "createsuperuser": "it asks for a password",
    "git pull": "there is nothing to pull",
    "pip install": "the tests' environment has it already",
    "redis-cli": "it asks the Redis that a machine has at its usual port",
    "--method schema": "the scripted model answers by likelihood alone",
    "docs/integration/backend.py": "it serves until Ctrl-C; test_browser_example.py runs it",
}
# Make's targets take minutes, or are what runs this test: that they exist is what is looked at.
MAKE = re.compile(r"^(?:[A-Z_]+=\S+ )*make (.*)$")
BENCHMARK = re.compile(r"^\S*python -m (tests\.\S+)(.*)$")
SCOPES = "enrich:run enrich:read cache:read cache:purge config:read config:write token:issue"


@dataclass(frozen=True)
class Desk:
    """A folder with the project in it and what the documents' commands are given, and a site."""

    folder: Path
    env: dict[str, str]
    site: Site

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run what stands in a document."""
        # What stands in brackets is left to the reader.
        command = re.sub(r" \[-[^\]]*\]", "", command)
        command = re.sub(r"(?<!python )\bmanage\.py ", ".venv/bin/python manage.py ", command)
        command = command.replace("http://127.0.0.1:8000", self.site.url)
        command = command.replace(".venv/bin/python", sys.executable)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    for path in ROOT.iterdir():
        # Of nobody's own data: a command may delete what lies there.
        if path.name in {".env.example", ".venv"} or not path.name.startswith((".", "var")):
            (folder / path.name).symlink_to(path)
    (folder / "var").mkdir()
    for name in ("config", "deploy"):
        (folder / name).unlink()
        shutil.copytree(ROOT / name, folder / name)
    texts = ["I am grateful for my sister.", "I am afraid of the exam."]
    (folder / "texts.txt").write_text("\n".join(texts))
    with (folder / "texts.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "happy", "afraid"])
        rows.writerows([text, text is texts[0], text is texts[1]] for text in 32 * texts)
    # As the log in which a request is followed to its job.
    (folder / "perfsite.log").write_text(
        '{"event": "[JOB] Queued", "request_id": "4f0c6a1de2b94c7fa1b1f0a6b0a5c3d2", "job": 7}\n'
        '{"event": "[JOB] Done", "job": 7}\n'
    )
    Image.new("RGB", (8, 8)).save(folder / "evening.jpg")
    able = Script(capabilities=("completion", "vision"))
    with (
        standin(able) as model,
        running_site(tmp_path_factory.mktemp("site"), OLLAMA_HOST=model.url) as site,
    ):
        site.manage("shell", "-c", PEOPLE)
        with site.client(*SCOPES.split()) as client:
            _, location = submit(client)
            token = client.headers["Authorization"].removeprefix("Bearer ")
        given = {"TOKEN": token, "PERFSITE_TOKEN": token, "ID": location.split("/")[-2]}
        yield Desk(folder, {**site.env, "PERFSITE_URL": site.url, **given}, site)


PEOPLE = """
from django.contrib.auth.models import User
User.objects.get_or_create(username="ada")
"""


def commands(document: Path) -> list[str]:
    """Return a document's blocks of commands, each as one script."""
    return [match[1] for match in BLOCK.finditer(document.read_text())]


def is_elsewhere(line: str) -> bool:
    return any(part in line for part in ELSEWHERE)


def runnable(script: str) -> str:
    """Return what is left of a script without what can't run here, or is looked at otherwise."""
    lines = [
        line
        for line in re.sub(r"\\\n", "\\\\\x00", script).splitlines()
        if not is_elsewhere(line) and not MAKE.match(line) and not BENCHMARK.match(line)
    ]
    return "\n".join(lines).replace("\x00", "\n")


@pytest.mark.parametrize(
    "document",
    [document for document in DOCUMENTS if any(map(runnable, commands(document)))],
    ids=lambda document: str(document.relative_to(ROOT)),
)
def test_commands_of_a_document_work(document: Path, desk: Desk) -> None:
    """In their order, as a reader types them; none fails, and none shows a traceback."""
    for script in map(runnable, commands(document)):
        done = desk.run(script)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr, script
        # The API answers with what the document promises, not with an error.
        assert not re.search(r'"status": ?(4|5)\d\d', done.stdout), (script, done.stdout)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_targets_and_programs_of_a_document_exist(document: Path) -> None:
    """Each target of make, and each program that measures, with the options that are shown."""
    for line in "\n".join(commands(document)).splitlines():
        if match := MAKE.match(line):
            call = match[1].split("#")[0].replace('"', "").split()
            targets = [word for word in call if "=" not in word and not word.startswith("-")][:1]
            made = subprocess.run(
                ["make", "--dry-run", *targets], cwd=ROOT, capture_output=True, check=False
            )
            assert made.returncode == 0, line
        elif match := BENCHMARK.match(line):
            asked = [sys.executable, "-m", match[1], "--help"]
            told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
            assert told.returncode == 0, (line, told.stderr)
            assert set(re.findall(r"--[a-z-]+", match[2])) <= set(
                re.findall(r"--[a-z-]+", told.stdout)
            ), line
