"""What /api/tags, /api/ps and /api/show say about the one model."""

from datetime import UTC, datetime
from typing import Any

from enrichment.inference.engine import chatml
from enrichment.inference.engine.options import CONTEXT_TOKENS
from enrichment.inference.engine.protocol import rfc3339
from enrichment.inference.engine.runner import Runner

NAME = "smollm2:135m"

DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "134.52M",
    "quantization_level": "Q4_1",
}
CAPABILITIES = ["completion"]
ENGINE = "embedded"
_STOPS = "\n".join(f'stop                           "{stop}"' for stop in chatml.STOPS)


def tag(runner: Runner) -> dict[str, Any]:
    """Describe the model as /api/tags lists it; the first call reads the file for its digest."""
    return {
        "name": NAME,
        "model": NAME,
        "modified_at": _modified_at(runner),
        "size": runner.path.stat().st_size,
        "digest": runner.digest(),
        "details": DETAILS,
        "capabilities": CAPABILITIES,
        # Not Ollama's: by this a client tells who really answers.
        "engine": ENGINE,
    }


def process(runner: Runner) -> dict[str, Any]:
    """Describe the loaded model as /api/ps lists it."""
    return {
        "name": NAME,
        "model": NAME,
        "size": runner.path.stat().st_size,
        "digest": runner.digest(),
        "details": DETAILS,
        "expires_at": rfc3339(runner.expires_at),
        "size_vram": 0,
        "context_length": CONTEXT_TOKENS,
    }


def show(runner: Runner) -> dict[str, Any]:
    """Describe the model as /api/show does, without listing its tensors."""
    return {
        "modelfile": f"FROM {runner.path.name}",
        "parameters": _STOPS,
        "template": chatml.GO_TEMPLATE,
        "details": DETAILS,
        "model_info": {
            "general.architecture": "llama",
            "general.parameter_count": 134_515_008,
            "llama.block_count": 30,
            "llama.context_length": 8192,
            "llama.embedding_length": 576,
            "llama.vocab_size": 49152,
        },
        "tensors": [],
        "capabilities": CAPABILITIES,
        "modified_at": _modified_at(runner),
    }


def _modified_at(runner: Runner) -> str:
    return rfc3339(datetime.fromtimestamp(runner.path.stat().st_mtime, UTC))
