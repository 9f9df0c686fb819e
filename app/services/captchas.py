"""Pictures that machines find hard (验证码): letters to read, a piece to slide into its gap.

The answer stays at the server, bound to a token in the reader's cookie, and is good for one try.
"""

from __future__ import annotations

import hmac
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO

from captcha.image import ImageCaptcha
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from sqlalchemy import Connection, delete, insert

from app.models import Captcha
from app.services.codes import digest

MINUTES = 10
ALPHABET = "23456789abcdefghkmnpqrstuvwxyz"  # nothing that looks like something else
LETTERS = 4
WIDTH, HEIGHT, PIECE = 280, 130, 46
TRAVEL = WIDTH - PIECE
"""How far the piece can be moved; its gap lies in the right four fifths of that."""
TOLERANCE = 5

captcha_ = Captcha.__table__


def keep(rows: Connection, before: str, answer: str | int, now: datetime) -> str:
    """Keep the answer to a new picture in place of that of ``before``; its token."""
    is_old = (captcha_.c.token_hash == digest(before)) | (captcha_.c.expires_at < now)
    rows.execute(delete(captcha_).where(is_old))
    token = secrets.token_urlsafe(16)
    row = {
        "token_hash": digest(token),
        "answer_hash": _said(token, answer) if isinstance(answer, str) else "",
        "position": answer if isinstance(answer, int) else None,
        "expires_at": now + timedelta(minutes=MINUTES),
    }
    rows.execute(insert(captcha_), row)
    return token


def is_solved(
    rows: Connection, token: str, said: str, now: datetime, *, slides: bool = False
) -> bool:
    """Whether ``said`` answers the picture of ``token``, which is used up by the question.

    ``slides`` says what was asked for: one guess in twenty finds a gap, and opens no letters.
    """
    taken = delete(captcha_).where(captcha_.c.token_hash == digest(token))
    row = rows.execute(taken.returning(captcha_)).first()
    if row is None or row.expires_at <= now or (row.position is not None) != slides:
        return False
    if row.position is None:
        return hmac.compare_digest(row.answer_hash, _said(token, said))
    place = said.strip()
    is_number = place.isascii() and place.isdecimal() and len(place) <= len(str(WIDTH))
    return is_number and abs(int(place) - row.position) <= TOLERANCE


def _said(token: str, answer: str) -> str:
    return digest(f"{token}:{answer.strip().casefold()}")


# --- letters ------------------------------------------------------------------------------


def letters() -> tuple[str, bytes]:
    """A few letters and their picture (PNG)."""
    answer = "".join(secrets.choice(ALPHABET) for _n in range(LETTERS))
    picture = ImageCaptcha(width=140, height=44, font_sizes=(32, 34, 36)).generate(answer)
    return answer, picture.getvalue()


# --- a slider -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Slider:
    """A picture with a gap and the piece that fits (PNG); ``position`` is for the server alone."""

    position: int
    top: int
    picture: bytes
    piece: bytes


def slider() -> Slider:
    """A new picture, drawn from nothing but chance."""
    position = TRAVEL // 5 + secrets.randbelow(TRAVEL - TRAVEL // 5)
    top = secrets.randbelow(HEIGHT - PIECE)
    picture = _landscape()
    shape = _shape()
    area = (position, top, position + PIECE, top + PIECE)
    piece = Image.new("RGBA", (PIECE, PIECE))
    piece.paste(picture.crop(area), mask=shape)
    piece.paste((255, 255, 255, 255), mask=_rim(shape))
    picture.paste(
        Image.blend(picture, Image.new("RGB", picture.size, "#101828"), 0.55).crop(area),
        area,
        shape,
    )
    picture.paste((230, 235, 245), area, _rim(shape))
    return Slider(position, top, _png(picture), _png(piece))


def _landscape() -> Image.Image:
    """Hills, clouds and dots in two colours that differ from picture to picture."""
    dice = secrets.SystemRandom()
    base = [dice.randint(70, 190) for _n in range(3)]
    picture = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    picture = Image.merge("RGB", [picture.point(lambda p, b=b: (p + 2 * b) // 3) for b in base])
    for _n in range(26):
        layer = Image.new("L", picture.size)
        x, y, size = dice.randint(-30, WIDTH), dice.randint(-30, HEIGHT), dice.randint(12, 70)
        ImageDraw.Draw(layer).ellipse(
            (x, y, x + size, y + size * 2 // 3), fill=dice.randint(30, 110)
        )
        colour = tuple(dice.randint(30, 240) for _n in range(3))
        picture.paste(Image.new("RGB", picture.size, colour), mask=layer)
    drawn = ImageDraw.Draw(picture)
    for _n in range(3):
        phase, depth = dice.random() * math.tau, dice.randint(20, HEIGHT - 20)
        line = [(x, depth + 9 * math.sin(phase + x / 23)) for x in range(0, WIDTH, 4)]
        drawn.line(line, fill=tuple(dice.randint(40, 230) for _n in range(3)), width=3)
    return picture.filter(ImageFilter.SMOOTH)


def _shape() -> Image.Image:
    """A square with a nose above and a bay at its right side."""
    mask = Image.new("L", (PIECE, PIECE))
    drawn, nose = ImageDraw.Draw(mask), PIECE // 4
    drawn.rounded_rectangle((1, nose, PIECE - 2, PIECE - 2), radius=4, fill=255)
    drawn.ellipse((PIECE // 2 - nose, 1, PIECE // 2 + nose, 2 * nose), fill=255)
    middle = (PIECE + nose) // 2
    drawn.ellipse((PIECE - nose, middle - nose // 2, PIECE + nose, middle + nose), fill=0)
    return mask


def _rim(shape: Image.Image) -> Image.Image:
    """The outline of a shape."""
    return ImageChops.difference(shape, shape.filter(ImageFilter.MinFilter(3)))


def _png(picture: Image.Image) -> bytes:
    written = BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
