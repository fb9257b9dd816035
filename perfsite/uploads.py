"""How the files of forms are read: in memory, and bounded before a byte of them is."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler


class BoundedMemoryHandler(MemoryFileUploadHandler):
    """Keeps files in memory alone: what somebody sends is on no disk but in the database.

    The bound is on the whole form: FILE_UPLOAD_MAX_MEMORY_SIZE.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803  # the interface's
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        super().handle_raw_input(input_data, META, content_length, boundary, encoding)
        # Django would drop its files without a word.
        if not self.activated:
            raise RequestDataTooBig("The form is larger than FILE_UPLOAD_MAX_MEMORY_SIZE.")
