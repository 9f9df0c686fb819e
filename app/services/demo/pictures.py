"""The pictures of the demonstration, drawn by the program: nothing of anybody's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from app.models import Organization

FONTS = ("NotoSansCJK-*.ttc", "SourceHanSans*.*tf", "wqy-*.ttc", "DroidSansFallback*.ttf")
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))


def font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """A font that can show Chinese, if this machine has one; whether it can."""
    path = _chinese_font()
    return (ImageFont.truetype(path, size), True) if path else (ImageFont.load_default(size), False)


@cache
def _chinese_font() -> str:
    """The path of the first font that is known to show Chinese; empty without one."""
    found = (
        path
        for folder in FONT_FOLDERS
        for pattern in FONTS
        for path in sorted(folder.rglob(pattern))
    )
    return str(next(found, ""))


def logo(row: dict[str, Any]) -> Image.Image:
    """Two colours running into each other, and the first character of the name."""
    size = (320, 320)
    first, second = (Image.new("RGB", size, color) for color in row["colors"])
    slope = Image.linear_gradient("L").rotate(45).crop((37, 37, 219, 219)).resize(size)
    picture = Image.composite(second, first, slope)
    letters, is_chinese = font(176)
    text = row["short_name"][0] if is_chinese else row["code"]
    ImageDraw.Draw(picture).text((160, 160), text, fill="white", font=letters, anchor="mm")
    return picture


def scene(name: str, colors: Sequence[str], size: tuple[int, int], otherwise: str) -> Image.Image:
    """Two colours running into each other, circles by the name, and the name itself.

    ``otherwise`` is written where no font can show Chinese.
    """
    first, second = (Image.new("RGB", size, color) for color in colors)
    slope = Image.linear_gradient("L").rotate(90).resize(size)
    picture = Image.composite(second, first, slope)
    veil = Image.new("L", size, 0)
    draw, by_name = ImageDraw.Draw(veil), sha256(name.encode()).digest()
    for at in range(0, 18, 3):
        across, down, wide = by_name[at : at + 3]
        radius = (60 + wide) * size[0] // 960
        x, y = across * size[0] // 255, down * size[1] // 255
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=28)
    picture.paste(Image.new("RGB", size, "white"), mask=veil)
    letters, is_chinese = font(58 * size[0] // 960)
    text, apart = ImageDraw.Draw(picture), 80 * size[0] // 960
    lines = [name[:14], name[14:]] if is_chinese else [otherwise]
    for number, line in enumerate(filter(None, lines)):
        place = (size[0] // 2, size[1] // 2 - apart // 2 + apart * number)
        text.text(place, line, fill="white", font=letters, anchor="mm")
    return picture


def card(title: str, row: dict[str, Any], organization: Organization) -> Image.Image:
    """A plain card that says what it stands for, and that it is a specimen."""
    picture = Image.new("RGB", (900, 620), "#fdfbf5")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((24, 24, 875, 595), outline=row["colors"][0], width=4)
    large, is_chinese = font(44)
    small, _ = font(26)
    lines = [organization.name, row["legal_person"], organization.address, "演示样本，不具有效力"]
    if not is_chinese:
        title, lines = f"No. {row['code']}", ["specimen"]
    draw.text((450, 120), title, fill="#222222", font=large, anchor="mm")
    for number, line in enumerate([organization.credit_code, *lines]):
        draw.text((450, 220 + 70 * number), line, fill="#444444", font=small, anchor="mm")
    return picture
