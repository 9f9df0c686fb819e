"""Texts with formatting: what of them may be stored, how long they are, which pictures they show.

Whatever a browser sends is cleaned before it is kept; what is kept is shown as it stands.  There
are no styles, only classes that the style sheet knows, and no pictures but uploaded ones.
"""

from __future__ import annotations

import re
from html import unescape

import nh3
from sqlalchemy import Connection, delete, insert, select

from app.models import Attachment, Picture

TAGS = {
    *("p", "br", "h2", "h3", "strong", "em", "u", "s", "blockquote", "ol", "ul", "li", "a", "img"),
}
CLASSES = re.compile(r"ql-(align-(center|right|justify)|indent-[1-8])")
SOURCE = re.compile(r"/files/(\d{1,18})/", re.ASCII)
LINK = re.compile(r"(https?://|mailto:|tel:|/(?!/))", re.ASCII)
ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt"},
    "li": {"data-list"},
    **{tag: {"class"} for tag in ("p", "h2", "h3", "blockquote")},
}
ATTRIBUTES["li"] |= {"class"}
PICTURE_RULE = "picture"
_TAG = re.compile(r"<[^>]*>")
_PICTURE = re.compile(r'<img\b[^>]*?\bsrc="/files/(\d{1,18})/"', re.ASCII)
_BROKEN = re.compile(r"<img(?![^>]*\bsrc=)[^>]*>")
_BLANK = re.compile(r"\s+")

picture_, file_ = Picture.__table__, Attachment.__table__


def _kept(tag: str, name: str, value: str) -> str | None:
    """What stays of an attribute; none drops it."""
    if name == "class":
        return " ".join(c for c in value.split() if CLASSES.fullmatch(c)) or None
    if name == "src":
        return value if SOURCE.fullmatch(value) else None
    if name == "href":
        return value if LINK.match(value) else None
    if tag == "li" and name == "data-list":
        return value if value in {"bullet", "ordered"} else None
    return value


def cleaned(html: str) -> str:
    """``html`` as it may be stored; nothing when there is nothing to read or see in it."""
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_kept,
        clean_content_tags={"script", "style"},
        strip_comments=True,
        link_rel="noopener noreferrer nofollow",
        url_schemes={"http", "https", "mailto", "tel"},
    )
    clean = _BROKEN.sub("", clean)
    return clean if text_of(clean) or pictures_of(clean) else ""


def text_of(html: str) -> str:
    """The words alone."""
    return _BLANK.sub(" ", unescape(_TAG.sub(" ", html))).strip()


def pictures_of(html: str) -> set[int]:
    """The attachments that a cleaned text shows."""
    return {int(key) for key in _PICTURE.findall(html)}


def keep_pictures(
    rows: Connection, kind: str, subject_id: int, html: str, organization_id: int | None
) -> None:
    """Note which pictures the text of a row shows: so they are seen with it, and stay."""
    ours = (picture_.c.kind == kind) & (picture_.c.subject_id == subject_id)
    rows.execute(delete(picture_).where(ours))
    wanted = pictures_of(html)
    if not wanted:
        return
    there = rows.scalars(
        select(file_.c.id).where(file_.c.id.in_(wanted), file_.c.rule == PICTURE_RULE)
    ).all()
    if there:
        place = {"kind": kind, "subject_id": subject_id, "organization_id": organization_id}
        rows.execute(insert(picture_), [place | {"attachment_id": key} for key in sorted(there)])
