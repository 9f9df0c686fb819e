"""Pictures: decoded whole and written anew, so that nothing but pixels is kept.

What stood before, behind or between the pixels (scripts, archives, places and times of the
camera) is not copied; a picture that its camera marked as turned is turned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import IO

from flask_babel import lazy_gettext as _l
from PIL import Image, ImageOps

from app.errors import DomainError
from app.storage.rules import Rule, damaged

MAX_PIXELS = 50_000_000  # an A4 page scanned at 600 dpi has 35 million
QUALITY = 90
FAST = 4  # zlib's level: a scan of 35 million pixels is written within seconds
_turn = Lock()  # one picture at a time is unfolded in a process: 50 million pixels are 150 MB


def renew(file: IO[bytes], mime: str, rule: Rule) -> None:
    """Replace the content of ``file`` by the bare picture, in the shape that the rule wants.

    :raises DomainError: when it is damaged, too large or of the wrong proportions.
    """
    kind = mime.rpartition("/")[2]
    with _turn, _opened(file, kind) as image:
        if kind == "png":
            image.verify()  # the check sums; the picture must be opened anew for its pixels
            file.seek(0)
            image = Image.open(file, formats=(kind,))  # noqa: PLW2901 - the same picture
        bare = ImageOps.exif_transpose(image)
        bare.load()
        _fits(bare, rule)
        if rule.crop and rule.shape:
            bare = _cropped(bare, rule.shape)
        if kind == "jpeg" and bare.mode not in {"L", "RGB"}:
            bare = bare.convert("RGB")
        bare.info = {k: v for k, v in bare.info.items() if k == "transparency"}
        file.seek(0)
        file.truncate()
        if kind == "jpeg":
            bare.save(file, "JPEG", quality=QUALITY)
        else:
            bare.save(file, "PNG", compress_level=FAST)


@contextmanager
def _opened(file: IO[bytes], kind: str) -> Iterator[Image.Image]:
    """The picture, its size known and bearable; only the decoder of its own type is asked."""
    file.seek(0)
    try:
        with Image.open(file, formats=(kind,)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_many_pixels()
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except (OSError, SyntaxError, ValueError, EOFError):  # what Pillow raises for broken files
        raise damaged() from None


def _too_many_pixels() -> DomainError:
    return DomainError(
        _l("The picture has more than %(limit)s million pixels.", limit=MAX_PIXELS // 10**6),
        _l("Make it smaller and upload it again."),
    )


def _fits(image: Image.Image, rule: Rule) -> None:
    width, height = image.size
    across, down = rule.least
    square = rule.shape == (1, 1)
    if width >= across and height >= down and not (square and width != height):
        return
    if square:
        problem = _l("The picture must be square and at least %(least)s × %(least)s pixels.",
                     least=across)  # fmt: skip
    else:
        problem = _l("The picture must have at least %(width)s × %(height)s pixels.",
                     width=across, height=down)  # fmt: skip
    raise DomainError(
        problem,
        _l(
            "This one has %(width)s × %(height)s: crop it and upload it again.",
            width=width,
            height=height,
        ),
    )


def _cropped(image: Image.Image, shape: tuple[int, int]) -> Image.Image:
    """The middle of the picture, as large as the proportion allows."""
    across, down = shape
    width = min(image.width, image.height * across // down)
    height = min(image.height, image.width * down // across)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
