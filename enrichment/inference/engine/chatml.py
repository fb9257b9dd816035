"""The model's chat template (ChatML), written out.

llama.cpp's own chat endpoint holds a constrained reply back until its JSON is complete, which
would defeat streaming and stopping early; so we render the prompt and use its completion
endpoint. An integration test holds this against the template inside the model's file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# The template inserts this when a conversation doesn't begin with a system message.
DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

GO_TEMPLATE = """{{ range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
STOPS = ("<|im_start|>", "<|im_end|>")


@dataclass(frozen=True, kw_only=True)
class Message:
    """One turn; `role` is system, user, assistant or tool."""

    role: str
    content: str


def render(messages: Sequence[Message]) -> str:
    """Write the prompt after which the model speaks as the assistant."""
    turns = list(messages)
    if not turns or turns[0].role != "system":
        turns.insert(0, Message(role="system", content=DEFAULT_SYSTEM))
    # A last message of the assistant is a reply begun: the model goes on where it ends.
    begun = turns.pop() if turns[-1].role == "assistant" else None
    text = "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in turns)
    return f"{text}<|im_start|>assistant\n{begun.content if begun else ''}"
