"""The API's description and its page."""

import json

import pytest
from django.core.management import call_command
from django.test import Client

pytestmark = pytest.mark.usefixtures("databases")
PUBLIC = Client(raise_request_exception=False)


def describe() -> dict:
    answer = PUBLIC.get("/api/schema/")
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_description_is_openapi_3_1_and_made_without_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is valid, and nothing in it was guessed."""
    call_command("spectacular", validate=True, fail_on_warn=True)

    assert capsys.readouterr().out.startswith("openapi: 3.1")


def test_description_is_yaml_for_who_asks_for_yaml() -> None:
    """The same in both forms."""
    answer = PUBLIC.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi"})

    assert answer.content.startswith(b"openapi: 3.1")


def test_each_operation_has_a_name_a_summary_and_an_example() -> None:
    """A reader sees for each what is sent and answered; an empty answer needs no example."""
    for path, operations in describe()["paths"].items():
        for method, operation in operations.items():
            here = f"{method} {path}"
            assert operation["summary"], here
            assert operation["operationId"], here
            contents = [
                content
                for status, answer in operation["responses"].items()
                for content in answer.get("content", {}).values()
                if status < "300"
            ]
            assert all("examples" in content for content in contents), here
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert "examples" in content, here


def test_what_goes_wrong_is_described_as_a_problem_everywhere() -> None:
    """One shape for all errors, with the scope's 403 and the throttle's 429 among them."""
    for operations in describe()["paths"].values():
        for operation in operations.values():
            wrong = {s: a for s, a in operation["responses"].items() if s >= "400"}
            assert {"401", "403", "429"} <= set(wrong)
            assert all(list(a["content"]) == ["application/problem+json"] for a in wrong.values())


def test_page_takes_everything_from_this_site() -> None:
    """No other host learns who reads the documentation."""
    page = PUBLIC.get("/api/docs/").content.decode()

    assert "http://" not in page
    assert "https://" not in page
    assert 'data-schema="/api/schema/"' in page
