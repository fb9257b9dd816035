"""Settings; the only module that reads the environment, and `.env` where that is silent.

Every variable is described in the README and in `.env.example`. A missing or malformed one raises
ImproperlyConfigured with its name and what is accepted.
"""

import contextlib
import os
import secrets
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from enrichment.images import MAX_BYTES
from enrichment.inference.addresses import normalise_hosts
from enrichment.webhooks.addresses import read_allowed_hosts
from perfsite import __version__, databases, logs
from perfsite.environment import (
    choice,
    choices,
    count,
    database,
    days,
    env,
    flag,
    hosts,
    networks,
    origins,
    rate,
)

BASE_DIR = Path(__file__).resolve().parent.parent

# Of the code that runs; web and workers tell each other theirs.
VERSION = __version__

DEBUG = flag("DEBUG")
LOG_PREVIEWS = flag("LOG_PREVIEWS")

# Reflections are intimate: whatever this process creates is readable by its own user alone.
os.umask(0o077)
VAR_DIR = BASE_DIR / env.str("VAR_DIR", "var")
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
with contextlib.suppress(PermissionError):
    VAR_DIR.chmod(0o700)


def secret(name: str) -> str:
    """Read a required secret; in development one is made once and kept under VAR_DIR."""
    if (value := env.str(name, "")) or not DEBUG:
        return value
    path = VAR_DIR / name.lower()
    if not path.exists():
        # Of several processes that start at once one links its file, whole; the others read it.
        with NamedTemporaryFile("w", dir=VAR_DIR) as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(file.name)
    return path.read_text()


SECRET_KEY = secret("SECRET_KEY")
PERF_CACHE_PEPPER = secret("PERF_CACHE_PEPPER")
REQUIRED = {"SECRET_KEY": SECRET_KEY, "PERF_CACHE_PEPPER": PERF_CACHE_PEPPER}
if missing := [name for name, value in REQUIRED.items() if not value]:
    raise ImproperlyConfigured(
        f"Not set: {', '.join(missing)}. With DEBUG=0 each must be a long random string of its own "
        "that stays the same (for development, DEBUG=1 makes them under VAR_DIR)."
    )

ALLOWED_HOSTS = hosts("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
# Who may say for whom they ask, and whether over HTTPS: X-Forwarded-For and X-Forwarded-Proto.
TRUSTED_PROXIES = networks("TRUSTED_PROXIES")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CORS_ALLOWED_ORIGINS = origins("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/api/"
# Other origins come with tokens, never with the cookies of somebody who is signed in here.
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "cache-control",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "Age",
    "Cache-Status",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "X-Cache",
    "X-Request-ID",
]

INSTALLED_APPS = [
    "perfsite",
    "enrichment",
    "cachestats",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "csp",
    "corsheaders",
]

MIDDLEWARE = [
    # The rest is to know who asks, and what their lines in the log are called.
    "perfsite.proxies.TrustedProxies",
    "perfsite.request_ids.RequestIds",
    # Before whatever refuses, so that a page may read also that.
    "corsheaders.middleware.CorsMiddleware",
    "perfsite.middleware.Problems",
    "perfsite.middleware.RequireReadable",
    "perfsite.https.RequireHttps",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "perfsite.login_throttle.LoginLocks",
    # Last: it takes the place of one view.
    "perfsite.polling.Unchanged",
]

# An address without its slash is not found; a redirect would turn a POST into a GET.
APPEND_SLASH = False
ROOT_URLCONF = "perfsite.urls"
WSGI_APPLICATION = "perfsite.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


MAIN_DATABASE = databases.main(database("DATABASE_URL", VAR_DIR / "perfsite.sqlite3"))
# In PostgreSQL the cache is a schema of the main database, unless another is named.
if MAIN_DATABASE["ENGINE"] == databases.POSTGRESQL and not env.str("CACHE_DATABASE_URL", ""):
    CACHE_DATABASE = databases.cache(MAIN_DATABASE)
else:
    CACHE_DATABASE = databases.cache(database("CACHE_DATABASE_URL", VAR_DIR / "cache.sqlite3"))
DATABASES = {"default": MAIN_DATABASE, "cache": CACHE_DATABASE}
CACHE_SCHEMA = databases.CACHE_SCHEMA
DATABASE_ROUTERS = ["cachestats.routers.CacheRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# django-q2's cluster state (its own monitor's, not ours) is shared by processes through files.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(VAR_DIR / "django_cache"),
    }
}

# How often what was counted of look-ups is written; a process that is killed loses as much.
CACHE_FLUSH_SECONDS = 1.0
# So often at most it is written which tokens were used; a request never waits for it.
TOKEN_USE_FLUSH_SECONDS = 1.0
PERF_CONFIG = BASE_DIR / env.str("PERF_CONFIG", "config/perf_config.json")
try:
    # One host, or several that share the work.
    OLLAMA_HOST = (
        ",".join(normalise_hosts(env.str("OLLAMA_HOST"))) if env.str("OLLAMA_HOST", "") else ""
    )
except ValueError as exc:
    raise ImproperlyConfigured(f"OLLAMA_HOST: {exc}.") from exc
OLLAMA_MODEL = env.str("OLLAMA_MODEL", "")
ENGINE_URL_FILE = VAR_DIR / "engine.url"
ENGINE_STARTING_FILE = VAR_DIR / "engine.starting"
try:
    # Webhooks may go there over http, and to private addresses.
    WEBHOOK_ALLOWED_HOSTS = read_allowed_hosts(env.list("WEBHOOK_ALLOWED_HOSTS", []))
except ValueError as exc:
    raise ImproperlyConfigured(f"WEBHOOK_ALLOWED_HOSTS: {exc}.") from exc


# How many requests the web server answers at the same time; half of these may wait for a result.
# `serve` says so; where nobody does it may be one alone, which must not wait.
WEB_THREADS = count("WEB_THREADS", 1)
WORKERS = count("QCLUSTER_WORKERS", 2)
# So many jobs may wait before a submission; beyond that it is refused for a while (503).
QUEUE_DEPTH = count("QUEUE_DEPTH", 2_000)
# Tickets wait in Redis, or in the main database; the jobs themselves are always there.
REDIS_URL = env.str("REDIS_URL", "")
if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured("REDIS_URL must be redis://host:port/number.")

# Reflections go of age as a person deletes them, with all that was made of them.
REFLECTIONS_KEPT_DAYS = days("REFLECTIONS_KEPT_DAYS", 0)
# Single calls to models; what they add up to is kept for longer.
CALLS_KEPT_DAYS = days("CALLS_KEPT_DAYS", 90)
# Who did what: purges, revisions of the configuration, tuning runs, the admin's log.
HISTORY_KEPT_DAYS = days("HISTORY_KEPT_DAYS", 400)
# Each returns what goes by itself of an app's tables (`cachestats.retention`).
RETENTION_RULES = (
    "cachestats.services.retention.rules",
    "enrichment.retention.rules",
    "perfsite.retention.rules",
)
# How many requests of each kind a token may make, or a person who is signed in.
THROTTLES = {
    "read": rate("THROTTLE_READ", 6_000),
    "submission": rate("THROTTLE_SUBMISSION", 600),
    "purge": rate("THROTTLE_PURGE", 60),
    "config": rate("THROTTLE_CONFIG", 60),
}
# Above the longest turn of a worker: six questions of at most twice timeout_read, two of them about
# an image, the wait for the engine, and what a turn takes before its last job (perfsite.W004).
QCLUSTER_TIMEOUT = count("QCLUSTER_TIMEOUT", 2_500)
Q_CLUSTER: dict[str, Any] = {
    "name": "perfsite",
    "label": "Queue",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
    "workers": WORKERS,
    # A ticket waits in memory no longer than it takes the workers to get to it.
    "queue_limit": WORKERS,
    "bulk": 1,
    "timeout": QCLUSTER_TIMEOUT,
    # More than timeout x (1 + queue_limit / workers): a ticket that waits is not delivered twice.
    "retry": 2 * QCLUSTER_TIMEOUT + 500,
    "max_attempts": 1,
    "ack_failures": True,
    "poll": 0.05,
    "guard_cycle": 0.5,
    "recycle": 500,
    "catch_up": False,
    "save_limit": 1000,
    "log_level": "WARNING",
}

AUTHENTICATION_BACKENDS = ["perfsite.backends.RememberingBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"

KNOX_TOKEN_MODEL = "perfsite.AccessToken"  # noqa: S105
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=90),
    "AUTH_HEADER_PREFIX": "Bearer",
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "perfsite.access.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["perfsite.access.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["perfsite.throttles.ScopeThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["perfsite.api.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["perfsite.api.BoundedJSONParser"],
    "EXCEPTION_HANDLER": "perfsite.api.problem",
    # What an answer looks like is said by Accept alone.
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "perfsite.openapi.ApiSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Perfsite",
    "DESCRIPTION": "Reads the feeling in short personal texts and writes a few lines about it, "
    "with a language model that runs on your own machine; what was computed once is answered from "
    "a cache.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
# The longest legal reflection is 5,000 characters of up to 12 escaped bytes each.
DATA_UPLOAD_MAX_MEMORY_SIZE = 128 * 1024
# A form has an image beside that, which touches no disk before the database's.
FILE_UPLOAD_HANDLERS = ["perfsite.uploads.BoundedMemoryHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_BYTES + DATA_UPLOAD_MAX_MEMORY_SIZE

USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
# Served straight from the apps' folders, so that no step stands between a clone and a page.
WHITENOISE_USE_FINDERS = True

# Where OpenTelemetry's receiver is; empty: calls to models are told to nobody. The SDK reads the
# other variables of the standard, such as OTEL_EXPORTER_OTLP_HEADERS, by itself.
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", "")
if OTEL_EXPORTER_OTLP_ENDPOINT and not OTEL_EXPORTER_OTLP_ENDPOINT.startswith(
    ("http://", "https://")
):
    raise ImproperlyConfigured("OTEL_EXPORTER_OTLP_ENDPOINT must be http://host:port or https.")
OTEL_METRIC_EXPORT_SECONDS = count("OTEL_METRIC_EXPORT_INTERVAL", 60_000) / 1000

CSRF_FAILURE_VIEW = "perfsite.views.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"

# In production the site is reached over HTTPS alone, but for whoever asks from its own machine.
HTTPS = flag("HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = count("HSTS_SECONDS", 365 * 24 * 3600, least=0) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = flag("HSTS_SUBDOMAINS", default=True)
SILENCED_SYSTEM_CHECKS = [
    # The list that browsers come with can hardly be left again: that is for a domain's owner.
    "security.W021",
    # perfsite.https redirects, as Django's own can't tell who asks from this machine.
    *(["security.W008"] if HTTPS else []),
]

LOG_LEVEL = choice("LOG_LEVEL", "INFO", logs.LEVELS)
LOG_LEVELS = choices("LOG_LEVELS", logs.LEVELS)
LOG_FORMAT = choice("LOG_FORMAT", logs.CONSOLE if DEBUG else logs.JSON, logs.FORMATS)
LOGGING = logs.logging_config(LOG_FORMAT, LOG_LEVEL, LOG_LEVELS)
