"""Writes the pages of docs/ that follow from the code: python -m tests.references

docs/configuration.md from the tuning file's schema, docs/python.md from what our own modules say of
themselves. A test sees to it that both are up to date.
"""

import importlib
import inspect
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

# These need the settings.
from cachestats.config.accepted import accepted  # noqa: E402
from cachestats.config.schema import Config, sections  # noqa: E402
from tests.engines import ROOT  # noqa: E402

CONFIGURATION = ROOT / "docs" / "configuration.md"
PYTHON = ROOT / "docs" / "python.md"
# What programs in this project may rely on, in the order in which one meets it.
PUBLIC = {
    "cachestats.decorators": ("cached",),
    "cachestats.cache": ("get_cache", "PerfCache", "Freshness"),
    "cachestats.lookups": ("Lookup",),
    "cachestats.keys": ("Key",),
    "cachestats.reports": ("StoreReport", "LookupReport", "CacheReport"),
    "cachestats.config": ("current",),
    "cachestats.config.schema": ("Effective",),
    "cachestats.services": ("PurgeFilter", "purge", "PurgeResult"),
    "enrichment.services": ("describe_image",),
    "enrichment.api_clients": ("make_api_client",),
    "enrichment.inference.http": ("ApiClient",),
    "enrichment.inference.http_messages": ("ApiResponse",),
    "enrichment.inference.ollama": ("OllamaClient",),
    "enrichment.inference.messages": (
        "GenerateRequest",
        "ChatRequest",
        "Reply",
        "Timings",
        "ModelIdentity",
        "HeldModel",
    ),
}
WIDTH = 88
GENERATED = "Made by `make docs`; change the {} instead.\n"


def configuration() -> str:
    """Return docs/configuration.md."""
    lines = [
        "# The tuning file",
        "",
        GENERATED.format("schema"),
        "`config/perf_config.json`, or the file that `PERF_CONFIG` names, holds any of these",
        "values; what it leaves out has its default. What is saved on `/configuration/`, in the",
        "admin or over the API lies over the file, but for one thing: a cache that the file",
        "switches off stays off. A change is in force within a second in all processes. A value",
        "that is not accepted is reported, and the last good ones stay.",
    ]
    for name, section in sections().items():
        lines += ["", f"## {name}", "", *paragraphs(section), ""]
        lines += ["| name | default | accepted | what |", "|---|---|---|---|"]
        for field, about in section.model_fields.items():
            default = json.dumps(about.default)
            told = (f"`{field}`", f"`{default}`", accepted(about), str(about.description))
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in told)} |")
    example = {
        "inference": {"num_threads": 4, "variants": 1},
        "caching": {"default_ttl": 86400, "ttl_by_type": {"vision": 3600}},
    }
    Config.model_validate_json(json.dumps(example))
    lines += ["", "## An example", "", "```json", json.dumps(example, indent=2), "```", ""]
    return "\n".join(lines)


def python() -> str:
    """Return docs/python.md."""
    lines = [
        "# Python API",
        "",
        GENERATED.format("docstrings"),
        "What programs that run inside this project may rely on; [how to use it](integration.md).",
        "Whatever is not here may change with any release.",
    ]
    for module_name, names in PUBLIC.items():
        module = importlib.import_module(module_name)
        lines += ["", f"## {module_name}", "", *paragraphs(module)]
        for name in names:
            lines += list(described(name, getattr(module, name), "###"))
    return "\n".join([*lines, ""])


def described(name: str, what: Any, heading: str) -> Iterator[str]:
    """Yield a function or class with what it says of itself; a class's methods and properties."""
    yield from ("", f"{heading} {name}", "", "```python")
    yield f"{'async ' if inspect.iscoroutinefunction(what) else ''}{name}{signature(what)}"
    yield from ("```", "", *paragraphs(what))
    if not inspect.isclass(what):
        return
    for method, member in vars(what).items():
        if method.startswith("_") or not member.__doc__:
            continue
        if inspect.isfunction(member):
            yield from described(f"{name}.{method}", member, "####")
        elif isinstance(member, property) and member.fget:
            returned = signature(member.fget).removeprefix("() -> ")
            yield from ("", f"#### {name}.{method}", "", f"`{returned}`", "", *paragraphs(member))


def signature(what: Any) -> str:
    """Return a signature as it is written, without where its types come from."""
    given = inspect.signature(what)
    if inspect.isclass(what):
        given = given.replace(return_annotation=inspect.Signature.empty)
    parameters = [one for one in given.parameters.values() if one.name != "self"]
    shown = str(given.replace(parameters=parameters))
    shown = re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z_])", "", shown).replace("~", "")
    shown = re.sub(r"<(?:built-in )?function (\w+)[^>]*>", r"\1", shown)
    shown = re.sub(r"<class '(\w+)'>", r"\1", shown)
    if len(shown) <= WIDTH:
        return shown
    end = shown.rindex(")")
    lines = "".join(f"    {one},\n" for one in _split(shown[1:end]))
    return f"(\n{lines}{shown[end:]}"


def _split(inside: str) -> list[str]:
    """Return the parameters, each as it is written."""
    parts, depth = [""], 0
    for character in inside:
        depth += (character in "[(") - (character in "])")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def paragraphs(what: Any) -> list[str]:
    """Return a docstring as Markdown: its sections of names become lists."""
    lines = (inspect.getdoc(what) or "").splitlines()
    told: list[str] = []
    for line in lines:
        if section := re.fullmatch(r"(Args|Raises|Returns):", line):
            told += [f"**{section[1]}**", ""]
        elif item := re.fullmatch(r" {4}(\w+(?:, \w+)*): (.*)", line):
            told.append(f"- `{item[1]}`: {item[2]}")
        else:
            told.append(re.sub(r"^ {4,}", "  ", line))
    return told


def main() -> None:
    CONFIGURATION.write_text(configuration())
    PYTHON.write_text(python())


if __name__ == "__main__":
    main()
