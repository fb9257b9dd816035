"""Files are images or refused with a word about what is accepted; only pixels are kept."""

import struct
import zlib
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from enrichment import images
from enrichment.errors import Busy, InvalidImage
from tests.pictures import CAMERA, decoded, encoded, halves, photo

FORMATS = ("JPEG", "PNG", "WEBP")


def refused(data: bytes) -> str:
    """Return what is said of a file that is not accepted."""
    with pytest.raises(InvalidImage) as caught:
        images.clean(data)
    assert images.ACCEPTED in str(caught.value)
    return str(caught.value)


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    """Return whether a pixel has a colour, but for what JPEG changes."""
    found = image.getpixel(place)
    return all(abs(one - other) < 24 for one, other in zip(found, colour, strict=True))


def header_of(width: int, height: int) -> bytes:
    """Return a small PNG that says it is of this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", FORMATS)
def test_image_of_each_format_is_kept_as_the_same_picture(form: str) -> None:
    """JPEG, PNG and WebP come out as a JPEG of the same pixels, named by the file's own hash."""
    data = encoded(halves(), form)

    kept = images.clean(data)

    shown = decoded(kept.jpeg)
    assert kept.sha256 == sha256(data).hexdigest()
    assert (shown.format, shown.size) == ("JPEG", (64, 48))
    assert near(shown, (8, 24), (255, 0, 0))
    assert near(shown, (56, 24), (0, 0, 255))


@pytest.mark.parametrize("form", FORMATS)
def test_where_and_with_what_it_was_taken_is_dropped(form: str) -> None:
    """EXIF with the place, XMP, a colour profile and comments: nothing but pixels is kept."""
    more = {"xmp": b"<x>zqXmp</x>", "icc_profile": b"zqProfile" * 20}
    if form == "JPEG":
        more["comment"] = b"zqComment"
    if form == "PNG":
        more["pnginfo"] = PngInfo()
        more["pnginfo"].add_itxt("XML:com.adobe.xmp", "<x>zqXmp</x>")
        more["pnginfo"].add_text("Comment", "zqComment")
    data = photo(form, **more)
    assert CAMERA.encode() in data
    assert b"zqXmp" in data

    kept = images.clean(data).jpeg

    assert not decoded(kept).getexif()
    assert set(decoded(kept).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for left in (CAMERA.encode(), b"zq", b"Exif", b"ICC_PROFILE"):
        assert left not in kept


def test_photo_is_turned_as_its_camera_was_held() -> None:
    """What EXIF says of the orientation is done before it is dropped."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter

    shown = decoded(images.clean(encoded(halves(), exif=exif)).jpeg)

    assert shown.size == (48, 64)
    assert near(shown, (24, 8), (255, 0, 0))
    assert near(shown, (24, 56), (0, 0, 255))


def test_large_image_is_scaled_down_and_keeps_its_shape() -> None:
    """No side is longer than models look at; a small one is left alone."""
    large = encoded(halves(size=(4000, 1000)))

    assert decoded(images.clean(large).jpeg).size == (1536, 384)
    assert decoded(images.clean(encoded(halves(size=(3, 2)))).jpeg).size == (3, 2)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_what_is_transparent_becomes_white(form: str) -> None:
    """Not whatever colour lies hidden beneath."""
    shown = decoded(images.clean(encoded(Image.new("RGBA", (9, 9), (255, 0, 0, 0)), form)).jpeg)

    assert near(shown, (4, 4), (255, 255, 255))


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("1", (9, 9), 1), (255, 255, 255)),
        (Image.new("L", (9, 9), 90), (90, 90, 90)),
        (Image.new("LA", (9, 9), (90, 255)), (90, 90, 90)),
        (Image.new("RGB", (9, 9), "blue").quantize(4), (0, 0, 255)),
        (Image.new("I;16", (9, 9), 90 * 256), (90, 90, 90)),
    ],
    ids=["two-colours", "grey", "grey-and-alpha", "palette", "16-bits"],
)
def test_png_of_every_kind_keeps_its_colours(image: Image.Image, colour) -> None:
    """However its pixels are written."""
    assert near(decoded(images.clean(encoded(image, "PNG")).jpeg), (4, 4), colour)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_animation_is_its_first_picture(form: str) -> None:
    """The others are not looked at."""
    others = [Image.new("RGB", (9, 9), "blue")]
    data = encoded(Image.new("RGB", (9, 9), "red"), form, save_all=True, append_images=others)

    assert near(decoded(images.clean(data).jpeg), (4, 4), (255, 0, 0))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"A quiet day",
        b"%PDF-1.7\n",
        b"\xff\xd8\xff\xe0 and no more",
        encoded(halves(), "GIF"),
        encoded(halves(), "BMP"),
        encoded(halves(), "TIFF"),
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    ],
    ids=["empty", "text", "pdf", "beginning", "gif", "bmp", "tiff", "svg"],
)
def test_file_of_another_kind_is_refused(data: bytes) -> None:
    """What it is decides, and not what it is called; Pillow could read some of them."""
    assert "can't be decoded" in refused(data)


@pytest.mark.parametrize("form", FORMATS)
def test_file_that_is_cut_off_is_refused(form: str) -> None:
    """Half an upload is not taken for a picture with a grey half."""
    data = encoded(Image.effect_noise((200, 200), 90), form)

    assert "can't be decoded" in refused(data[: len(data) // 2])


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")  # as in production
def test_small_file_of_very_many_pixels_is_refused_before_it_is_decoded(monkeypatch) -> None:
    """A few hundred bytes that would fill the memory: the header alone is read."""
    monkeypatch.setattr(Image.Image, "load", lambda _image: pytest.fail("was decoded"))
    for width, height in ((8000, 5001), (10_000, 9_000), (50_000, 50_000)):
        data = header_of(width, height)
        assert len(data) < 1000
        assert "more than 40 megapixels" in refused(data)


def scans(count: int, form: str = "JPEG") -> bytes:
    """Return a progressive JPEG of so many scans: its last one, again and again."""
    pictures = {"save_all": True, "append_images": [halves()]} if form == "MPO" else {}
    data = encoded(halves(), form, progressive=True, **pictures)
    # Of an MPO the first picture is what is decoded.
    end = data.index(b"\xff\xd9")
    last = data[data.rindex(b"\xff\xda", 0, end) : end]
    more = count - data.count(b"\xff\xda")
    return data[:end] + last * more + data[end:]


@pytest.mark.parametrize("form", ["JPEG", "MPO"])
def test_jpeg_of_very_many_scans_is_refused_before_it_is_decoded(form: str, monkeypatch) -> None:
    """Each takes as long as the whole picture, and a file has room for tens of thousands."""
    usual, most = encoded(halves(), progressive=True), scans(images.MAX_SCANS, form)
    too_many = [scans(count, form) for count in (images.MAX_SCANS + 1, 200)]
    for data in (usual, most):
        assert near(decoded(images.clean(data).jpeg), (8, 24), (255, 0, 0))

    monkeypatch.setattr(Image.Image, "load", lambda _image: pytest.fail("was decoded"))

    for data in too_many:
        assert "more than 100 scans" in refused(data)


def test_nobody_waits_for_ever_for_other_images(monkeypatch) -> None:
    """The error says when to ask again; it says nothing of the file."""
    monkeypatch.setattr(images, "WAIT_SECONDS", 0)
    with images._one_at_a_time, pytest.raises(Busy, match="Too many images"):
        images.clean(photo())

    for data in (photo(), b"no image", photo()):
        with suppress(InvalidImage):
            images.clean(data)


def test_forty_megapixels_are_accepted() -> None:
    """The limit itself is legal."""
    shown = decoded(images.clean(encoded(Image.new("L", (8000, 5000), 90))).jpeg)

    assert shown.size == (1536, 960)


def test_five_megabytes_are_accepted_and_a_byte_more_is_not() -> None:
    """The limit is on the file as it is sent."""
    data = encoded(halves()) + bytes(images.MAX_BYTES)
    longest = data[: images.MAX_BYTES]

    assert decoded(images.clean(longest).jpeg).size == (64, 48)
    assert "5,242,881 bytes" in refused(longest + b"\0")


@given(
    form=st.sampled_from(FORMATS),
    changes=st.lists(
        st.tuples(st.integers(0, 10_000), st.binary(max_size=6)), min_size=1, max_size=8
    ),
    cut=st.integers(0, 10_000),
)
@settings(max_examples=150, deadline=None)
def test_broken_file_is_a_picture_or_refused_and_never_a_fault(form, changes, cut) -> None:
    """Real files with bytes changed anywhere: an image, or the one error."""
    data = bytearray(photo(form))
    for place, piece in changes:
        at = place % len(data)
        data[at : at + len(piece)] = piece
    data = data[: len(data) - cut % len(data)] if cut % 3 == 0 else data

    try:
        kept = images.clean(bytes(data))
    except InvalidImage as exc:
        assert images.ACCEPTED in str(exc)
    else:
        assert decoded(kept.jpeg).format == "JPEG"
