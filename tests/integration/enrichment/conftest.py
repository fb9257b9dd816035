"""What tests of reflections share."""

import pytest

from tests.seeing import sight
from tests.standin import Script


@pytest.fixture
def seeing(model: Script) -> Script:
    """A scripted model that can see."""
    model.capabilities = ("completion", "vision")
    model.chat = sight(model)
    return model
