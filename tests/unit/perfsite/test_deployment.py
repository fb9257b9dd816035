"""What is deployed fits the project: units, image and compose file."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.engines import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
# Of compose itself, and of what is installed beside us.
OTHERS = {"POSTGRES_PASSWORD", "POSTGRES_USER", "SITE"}
# What is set for a process rather than by an operator.
OF_PYTHON = {"PATH", "PYTHONUNBUFFERED"}


def known() -> set[str]:
    """Return the names of all settings that are documented."""
    return set(re.findall(r"^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def compose() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_compose_sets_nothing_that_is_unknown() -> None:
    """Each name is one that the site reads."""
    ours = compose()["x-perfsite"]["environment"].keys()
    example = (ROOT / "deploy" / "compose.env.example").read_text()
    filled_in = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert ours | filled_in <= known() | OTHERS


def test_compose_asks_for_what_it_cannot_make_up() -> None:
    """Whatever is interpolated stands in the example that is filled in."""
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    example = (ROOT / "deploy" / "compose.env.example").read_text()
    assert asked == OTHERS & set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))


def test_workers_wait_until_the_databases_are_prepared() -> None:
    """The web servers migrate; a worker on older tables would take no job."""
    assert compose()["services"]["worker"]["depends_on"]["web"]["condition"] == "service_healthy"


def test_image_holds_all_that_runs_and_runs_as_nobody_special() -> None:
    """Each package is copied, and let through to the builder; the process is not root's."""
    image = (ROOT / "Dockerfile").read_text()
    let_through = (ROOT / ".dockerignore").read_text().splitlines()
    for needed in ("manage.py", "config", "cachestats", "enrichment", "perfsite"):
        assert re.search(rf"^COPY {needed} ", image, re.MULTILINE)
        assert f"!{needed}" in let_through
    assert int(re.search(r"^USER (\d+)$", image, re.MULTILINE)[1]) > 0
    settings = re.search(r"^ENV (.+)$", image, re.MULTILINE)[1]
    assert set(re.findall(r"(\w+)=", settings)) <= known() | OF_PYTHON


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_unit_is_accepted_by_systemd(unit: Path, tmp_path: Path) -> None:
    """Every line of it is known, and its command is one that the project has."""
    if (verify := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not installed")
    called = re.search(r"manage.py (\w+)", unit.read_text())[1]
    assert list(ROOT.glob(f"*/management/commands/{called}.py"))
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/opt/perfsite", str(ROOT)))
    done = subprocess.run(
        [verify, "verify", str(here)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
