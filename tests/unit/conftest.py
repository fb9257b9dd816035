"""Unit tests get no socket; pytest-django refuses them the database."""

import pytest


@pytest.fixture(autouse=True)
def no_socket(socket_disabled: None) -> None:
    """Fail a test that opens a connection."""
