"""The site's own settings, in a folder that goes when the tests end."""

import atexit
import os
import shutil
import tempfile

VAR = tempfile.mkdtemp(prefix="perfsite-tests-")
atexit.register(shutil.rmtree, VAR, ignore_errors=True)

os.environ |= {
    "DEBUG": "0",
    "VAR_DIR": VAR,
    "SECRET_KEY": "of the tests",
    "PERF_CACHE_PEPPER": "of the tests",
    # A port where nothing listens: a test that wants a model says which.
    "OLLAMA_HOST": "127.0.0.1:9",
    "OLLAMA_MODEL": "",
    "LOG_PREVIEWS": "0",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    # Django's test client asks without; tests of HTTPS say so.
    "HTTPS": "0",
}
for name in ("DATABASE_URL", "CACHE_DATABASE_URL", "REDIS_URL", "PERF_CONFIG"):
    os.environ.pop(name, None)
for name in (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "QCLUSTER_WORKERS",
    "QCLUSTER_TIMEOUT",
    "QUEUE_DEPTH",
    "WEB_THREADS",
    "CORS_ALLOWED_ORIGINS",
    "TRUSTED_PROXIES",
    "HSTS_SECONDS",
    "HSTS_SUBDOMAINS",
    "LOG_LEVELS",
):
    os.environ.pop(name, None)
os.environ.pop("WEBHOOK_ALLOWED_HOSTS", None)
for name in ("THROTTLE_READ", "THROTTLE_SUBMISSION", "THROTTLE_PURGE", "THROTTLE_CONFIG"):
    os.environ.pop(name, None)

from perfsite.settings import *  # noqa: E402, F403
from perfsite.settings import DATABASES, VAR_DIR  # noqa: E402

# Real files, as in production: the cache's hot path opens one beside Django's connection.
for alias, config in DATABASES.items():
    config["TEST"] = {"NAME": str(VAR_DIR / f"test_{alias}.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Each test client would list all static files anew; this way a file is found when it is asked for.
WHITENOISE_AUTOREFRESH = True

# Tests write what was counted when they look at it; a thread would write between two of them.
CACHE_FLUSH_SECONDS = None
TOKEN_USE_FLUSH_SECONDS = None
