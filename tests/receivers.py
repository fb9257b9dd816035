"""What a receiver of webhooks runs: the example of the documentation, as it stands there."""

import importlib.util
from types import ModuleType

from tests.engines import ROOT


def _example() -> ModuleType:
    path = ROOT / "docs" / "integration" / "verify_webhook.py"
    spec = importlib.util.spec_from_file_location("verify_webhook", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_module = _example()
verify, NotVerified = _module.verify, _module.NotVerified
