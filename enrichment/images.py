"""Images that people send: verified by decoding them, and made safe to keep and to pass on; pure.

What a file's name or its sender calls it counts for nothing. What is passed on is made anew of the
pixels alone, so that nothing of where, when and with what it was taken goes along.
"""

import threading
import warnings
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from PIL import Image, ImageOps

from enrichment.errors import Busy, InvalidImage

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 40_000_000
ACCEPTED = "a JPEG, PNG or WebP image of at most 5 MB and 40 megapixels"
FORMATS = ("JPEG", "PNG", "WEBP")
# Models that see work on about a megapixel; what is larger only costs time.
LONGEST_SIDE = 1536
QUALITY = 90
CLEANING_VERSION = "1"
"""Raise it with any change of what is made of a file: the answers to it may then be others."""

# Pillow warns of what is too large and goes on; of more pixels than these it must never begin.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# Each scan of a progressive JPEG goes over all pixels again, which takes 28 ms at 36 megapixels;
# 5 MB have room for 85,000. Cameras and programs write about ten.
MAX_SCANS = 100
START_OF_SCAN = b"\xff\xda"
# Forty megapixels take up to half a gigabyte while they are decoded: once, not for each request.
_one_at_a_time = threading.Lock()
# Nobody waits for a place longer than this.
WAIT_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class CleanImage:
    """An image that may be kept and shown to a model.

    sha256: of the file as it was sent, in hexadecimal. jpeg: its pixels, without metadata.
    """

    sha256: str
    jpeg: bytes


def clean(data: bytes) -> CleanImage:
    """Return what may be kept of a file.

    Upright as its camera held it, no side longer than `LONGEST_SIDE`, what is transparent white;
    of an animation the first picture. All become JPEG, which every model that sees can read.

    Raises:
        InvalidImage: says what is the matter and what is accepted.
        Busy: too many others are being read now.
    """
    if len(data) > MAX_BYTES:
        raise InvalidImage(f"has {len(data):,} bytes; accepted is {ACCEPTED}")
    if not _one_at_a_time.acquire(timeout=WAIT_SECONDS):
        raise Busy("Too many images are being read", WAIT_SECONDS)
    try:
        jpeg = _pixels(data)
    except InvalidImage:
        raise
    except Exception as exc:
        # A decoder may stumble over a broken file in any way.
        raise InvalidImage(f"can't be decoded; accepted is {ACCEPTED}") from exc
    finally:
        _one_at_a_time.release()
    return CleanImage(sha256=sha256(data).hexdigest(), jpeg=jpeg)


def _pixels(data: bytes) -> bytes:
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as exc:
        raise _too_large() from exc
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large()
        if image.format in {"JPEG", "MPO"} and data.count(START_OF_SCAN) > MAX_SCANS:
            raise InvalidImage(f"has more than {MAX_SCANS} scans; accepted is {ACCEPTED}")
        # Decodes a large JPEG at half the size or less, as far as that is still enough.
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        image.load()
        shown = _mixable(image)
        shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        shown = ImageOps.exif_transpose(shown)
        canvas = Image.new("RGB", shown.size, "white")
        if shown.has_transparency_data:
            shown = shown.convert("RGBA")
            canvas.paste(shown, mask=shown.getchannel("A"))
        else:
            canvas.paste(shown.convert("RGB"))
    written = BytesIO()
    canvas.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()


def _mixable(image: Image.Image) -> Image.Image:
    """Return an image whose pixels can be averaged and shown in 8 bits."""
    if image.mode.startswith("I"):
        # 16 bits of grey; converted as they are, all that is not nearly black would be white.
        return image.point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGBA") if image.mode in {"1", "P", "PA"} else image


def _too_large() -> InvalidImage:
    return InvalidImage(f"has more than 40 megapixels; accepted is {ACCEPTED}")
