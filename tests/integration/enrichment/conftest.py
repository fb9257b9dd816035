"""What tests of reflections share."""

import pytest

from tests.standin import Script, sight


@pytest.fixture
def seeing(model: Script) -> Script:
    """A scripted model that can see."""
    model.capabilities = ("completion", "vision")
    model.chat = sight(model)
    return model
