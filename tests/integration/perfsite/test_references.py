"""Pages of docs/ that are made of the code."""

from tests import references


def test_configuration_page_is_that_of_the_schema() -> None:
    """`make docs` was run after the schema changed."""
    assert references.CONFIGURATION.read_text() == references.configuration()


def test_python_page_is_that_of_the_docstrings() -> None:
    """`make docs` was run after a public name, signature or docstring changed."""
    assert references.PYTHON.read_text() == references.python()
