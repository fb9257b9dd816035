"""How a person's text stands in a prompt: as data between quotation marks, never as structure."""

import re

# Special tokens begin with a bracket and go on at once: <|im_end|> (ChatML, Llama 3, Phi), </s>
# and [INST] (Llama 2, Mistral), <start_of_turn> (Gemma), <｜User｜> (DeepSeek). In a raw prompt the
# host makes tokens of them, wherever they stand. A blank behind the bracket leaves them words. A
# heart (<3) stays one.
_OPENING = re.compile(r"[<\[＜［](?=[^\s\d])")
_BLANK_AFTER = r"\g<0> "


def quoted(text: str) -> str:
    """Return a text as it may stand between quotation marks in a prompt.

    Args:
        text: on one line, as `normalise_text` returns it.
    """
    return _OPENING.sub(_BLANK_AFTER, text.replace('"', "'")).replace("|>", "| >")
