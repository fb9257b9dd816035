"""A scripted model that can see, and submissions with a picture."""

import base64

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from cachestats.cache import get_cache
from enrichment import tasks
from tests.pictures import photo
from tests.standin import Script

URL = "/api/v1/reflections/"
RUN_AND_READ = ("enrich:run", "enrich:read")


def looks(model: Script) -> list[bytes]:
    """Return the images that a model was shown."""
    return [
        base64.b64decode(image)
        for body in model.questions("/api/chat")
        for image in body["messages"][-1].get("images", ())
    ]


def submit(client: APIClient, image: bytes | None = None, name: str = "day.jpg", **fields: str):
    """Send a picture, a photo of ours by default, with other fields beside it."""
    file = SimpleUploadedFile(name, photo() if image is None else image, "image/jpeg")
    return client.post(URL, {"image": file, **fields}, format="multipart")


def work() -> None:
    """Do what waits, and write what was counted."""
    tasks.run_next_job()
    get_cache().flush()
