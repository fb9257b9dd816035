"""The site's own settings, with an empty view beside its own."""

from perfsite.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.http.urls"
