"""Answers and errors of other APIs as their callers see them."""

import pytest

from cachestats.flights import describe, revive
from enrichment.inference.api_errors import ApiError, ApiFailed, ApiReplyInvalid, ApiRequestInvalid
from enrichment.inference.http_messages import ApiResponse


def answer(content: bytes, content_type: str = "") -> ApiResponse:
    headers = {"content-type": content_type} if content_type else {}
    return ApiResponse(status=200, headers=headers, content=content)


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        ("Größe".encode(), "", "Größe"),
        ("Größe".encode("latin-1"), "text/plain; charset=ISO-8859-1", "Größe"),
        ("Größe".encode("latin-1"), "text/plain", "Gr\ufffd\ufffde"),
        (b"a", "text/plain; charset=nobody-knows", "a"),
        (b"a", ";;;charset=", "a"),
    ],
)
def test_text_is_read_by_its_charset(content: bytes, content_type: str, expected: str) -> None:
    """UTF-8 where none is named; what can't be read is marked, and is no error."""
    assert answer(content, content_type).text == expected


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff", b"NaN"])
def test_json_that_is_none_is_an_error_of_ours(content: bytes) -> None:
    """It names the status and quotes nothing of the answer."""
    with pytest.raises(ApiReplyInvalid) as caught:
        answer(content).json()
    assert (str(caught.value), caught.value.status) == ("the answer (200) is not JSON", 200)


def test_answer_shows_neither_body_nor_headers() -> None:
    """It may end up in a log."""
    assert "secret" not in repr(answer(b"secret", "secret"))


@pytest.mark.parametrize(
    "error", [ApiFailed("answered 503", 503, 3.5, True), ApiRequestInvalid("url"), ApiError("x", 1)]
)
def test_error_reaches_another_process_whole(error: ApiError) -> None:
    """Who waits there for the same answer learns the same of it."""
    arrived = revive(describe(error))
    assert isinstance(arrived, type(error))
    for name in ("status", "retry_after_seconds", "retryable"):
        assert getattr(arrived, name) == getattr(error, name)
    assert str(arrived) == str(error)
