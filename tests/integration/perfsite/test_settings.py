"""Settings that are missing or malformed end the start with the variable's name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import ROOT

SECRETS = {
    "SECRET_KEY": "k3Xw0ZrJ8vTq5LmN2bYc7HsD4fGa9PuE1iRo6WtKx2Mv7Bq0Js",
    "PERF_CACHE_PEPPER": "p8Qd1VnB6xSz3MjC5gLh0KwF7yTe2RaU9oIl4ZrX",
}


def check(tmp_path: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check` as production would, with just these variables."""
    given = {**SECRETS, **env}
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "perfsite.settings",
        "VAR_DIR": str(tmp_path / "var"),
        "DEBUG": "0",
        **{name: value for name, value in given.items() if value},
    }
    command = [sys.executable, "manage.py", "check", *options]
    return subprocess.run(
        command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_production_starts_with_its_two_secrets_and_is_fit_for_it(tmp_path: Path):
    """Nothing else is required, and neither Django's checks for deployment nor ours complain."""
    done = check(tmp_path, "--deploy", "--fail-level", "DEBUG")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_all_missing_secrets_are_named_at_once(tmp_path: Path):
    """One line, with what is accepted: nobody starts three times to learn of two."""
    done = check(tmp_path, SECRET_KEY="", PERF_CACHE_PEPPER="")

    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Not set: SECRET_KEY, PERF_CACHE_PEPPER.")
    assert "long random string" in line


def test_web_server_without_its_secrets_says_so_without_a_traceback(tmp_path: Path):
    """Also where no `serve` has looked before: a service manager runs the web server itself."""
    env = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var"), "DEBUG": "0"}
    done = subprocess.run(
        [sys.executable, "-c", "import perfsite.wsgi"],
        check=False, cwd=ROOT, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Not set: SECRET_KEY, PERF_CACHE_PEPPER.")


def test_command_without_its_database_says_so_without_a_traceback(tmp_path: Path):
    """In one line, unless the places in the code are asked for."""
    env = {
        **{"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var"), "DEBUG": "1"},
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
    }

    def told(*options: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "manage.py", "create_token", "web", *options],
            check=False, cwd=ROOT, env=env, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 1
        return done.stderr.strip().splitlines()

    assert told()[0].startswith("The database can't be used: connection failed")
    assert not any("Traceback" in line for line in told())
    assert any("Traceback" in line for line in told("--traceback"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("PERF_CACHE_PEPPER", ""),
        ("DEBUG", "maybe"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://host/name"),
        ("CACHE_DATABASE_URL", "mysql://host/name"),
        ("OLLAMA_HOST", "http://"),
        ("OLLAMA_HOST", "host:99999"),
        ("OLLAMA_HOST", "gpu1:11434,,gpu2"),
        ("QCLUSTER_WORKERS", "many"),
        ("QCLUSTER_WORKERS", "0"),
        ("QUEUE_DEPTH", "0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1m"),
        ("WEB_THREADS", "none"),
        ("REDIS_URL", "localhost"),
        ("LOG_LEVEL", "LOUD"),
        ("TRUSTED_PROXIES", "proxy.internal"),
        ("REFLECTIONS_KEPT_DAYS", "a month"),
        ("CALLS_KEPT_DAYS", "-1"),
        ("HISTORY_KEPT_DAYS", "100000"),
        ("THROTTLE_READ", "many"),
        ("THROTTLE_CONFIG", "1.5/min"),
        ("CORS_ALLOWED_ORIGINS", "*"),
        ("CORS_ALLOWED_ORIGINS", "https://app.example.org/"),
        ("CORS_ALLOWED_ORIGINS", "https://app.example.org:443"),
        ("CORS_ALLOWED_ORIGINS", "null"),
    ],
)
def test_bad_variable_is_named(tmp_path: Path, name: str, value: str):
    """An operator reads one line, which names the variable, and no traceback."""
    done = check(tmp_path, **{name: value})

    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert name in line


def test_limits_and_origins_are_taken_as_people_write_them(tmp_path: Path):
    """Limits with and without their unit, none at all, origins with spaces between."""
    done = check(
        tmp_path,
        THROTTLE_READ="0",
        THROTTLE_SUBMISSION="100",
        THROTTLE_PURGE="100/min",
        CORS_ALLOWED_ORIGINS="https://app.example.org, http://localhost:5173,http://[::1]:8080",
    )
    assert done.returncode == 0, done.stderr


def test_bad_tuning_file_is_told_key_by_key(tmp_path: Path):
    """Every command says which key is wrong and what is accepted, before it does anything."""
    tuning = tmp_path / "tuning.json"
    tuning.write_text('{"caching": {"enabled": "yes", "colour": "red"}}')

    done = check(tmp_path, PERF_CONFIG=str(tuning))

    assert done.returncode != 0
    assert "caching.enabled: must be true or false" in done.stderr
    assert "caching.colour: is not known here; accepted: enabled, default_ttl" in done.stderr
    assert "Traceback" not in done.stderr


def test_development_makes_its_secrets_once_and_keeps_them_private(tmp_path: Path):
    """With DEBUG=1 secrets are made under VAR_DIR, stay the same and are private."""
    secrets = {"SECRET_KEY": "", "PERF_CACHE_PEPPER": ""}
    assert check(tmp_path, DEBUG="1", **secrets).returncode == 0
    pepper = tmp_path / "var" / "perf_cache_pepper"
    made = pepper.read_text()

    assert check(tmp_path, DEBUG="1", **secrets).returncode == 0

    assert pepper.read_text() == made
    assert pepper.stat().st_mode & 0o777 == 0o600
    assert pepper.parent.stat().st_mode & 0o777 == 0o700
