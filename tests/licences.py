"""Lists the licence of all that we install or bring along: python -m tests.licences

Fails on one that is not on the list of those that we accept.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from tests.engines import ROOT

ACCEPTED = {
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "Zlib",
    # These ask for the source of the package itself where it was changed, and of nothing of ours.
    "LGPL-3.0-only",
    "MPL-2.0",
}
# Only run beside ours, on machines of developers; nothing of them is in the site.
ACCEPTED_TO_TEST = {*ACCEPTED, "CNRI-Python", "GPL-3.0-or-later"}
# What packages wrote before there were names for it (SPDX).
NAMES = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause OR Apache-2.0": "BSD-3-Clause OR Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The MIT License (MIT)": "MIT",
}
# Read by hand: what these say of themselves lacks it, or what they bring along.
READ = {
    "axe-playwright-python": "MIT AND MPL-2.0",  # with axe-core
    "drf-spectacular-sidecar": "BSD-3-Clause AND Apache-2.0 AND MIT",  # with Swagger UI and Redoc
}
# Whoever runs the site installs these; the others are for tests and benchmarks alone.
TO_RUN = ("requirements.lock", "requirements-engine.lock", "requirements-otel.lock")
TO_TEST = ("requirements-dev.lock", "requirements-bench.lock")
LOCKED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something of somebody else's; licence: an SPDX expression, or what it says instead."""

    name: str
    version: str
    licence: str
    only_tests: bool

    @property
    def accepted(self) -> bool:
        """Whether we accept every licence that is named, also where we might choose."""
        named = set(re.findall(r"[\w.+-]+", self.licence)) - {"AND", "OR"}
        return bool(named) and named <= (ACCEPTED_TO_TEST if self.only_tests else ACCEPTED)


def licence_of(package: Distribution) -> str:
    """Return what a package says of its licence, or what we read in it."""
    about = package.metadata
    if read := READ.get(about["Name"].lower()):
        return read
    if expression := about.get("License-Expression"):
        return str(expression)
    classifiers = [str(line) for line in about.get_all("Classifier", [])]
    said = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    said = said or [str(about.get("License") or UNKNOWN)]
    return " AND ".join(NAMES.get(name, name) for name in said)


def parts() -> Iterator[Part]:
    """Yield the packages of our locks that are installed here, then what pages bring along."""
    seen = set()
    for lock in TO_RUN + TO_TEST:
        for name, version in LOCKED.findall((ROOT / lock).read_text()):
            if name in seen:
                continue
            seen.add(name)
            try:
                licence = licence_of(distribution(name))
            except PackageNotFoundError:
                # Other machines and Pythons need it, or this one can't have the embedded model.
                continue
            only_tests = lock in TO_TEST
            yield Part(name=name, version=version, licence=licence, only_tests=only_tests)
    for folder in sorted(ROOT.glob("*/static/*/vendor/*")):
        text = folder / "LICENSE"
        first = text.read_text().splitlines()[0] if text.exists() else UNKNOWN
        licence = NAMES.get(first, first)
        yield Part(name=folder.name, version="in pages", licence=licence, only_tests=False)


def main() -> None:
    """Print all; exit with 1 where one is not accepted."""
    refused = []
    for part in parts():
        use = "test" if part.only_tests else "run"
        print(f"{part.name:40} {part.version:16} {use:5} {part.licence}")
        if not part.accepted:
            refused.append(part.name)
    if refused:
        sys.exit(f"Not on the list of accepted licences (tests/licences.py): {', '.join(refused)}")


if __name__ == "__main__":
    main()
