"""Image files as people's cameras and programs write them."""

from io import BytesIO
from typing import Any

from PIL import Image

CAMERA = "zqCameraOfAda"


def encoded(image: Image.Image, form: str = "JPEG", **how: Any) -> bytes:
    """Return an image as a file of a format."""
    file = BytesIO()
    image.save(file, form, **how)
    return file.getvalue()


def decoded(data: bytes) -> Image.Image:
    """Return a file's image, its pixels read."""
    image = Image.open(BytesIO(data))
    image.load()
    return image


def halves(left: str = "red", right: str = "blue", size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Return an image that shows which way is up: two colours side by side."""
    image = Image.new("RGB", size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def photo(form: str = "JPEG", **how: Any) -> bytes:
    """Return a photo that says where and with what it was taken."""
    exif = Image.Exif()
    exif[0x010F] = CAMERA
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return encoded(halves(), form, exif=exif, **how)
