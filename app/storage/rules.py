"""The material rules: what an attachment of each kind may be (forms § 0.2)."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from app.errors import DomainError, Phrase

MEGABYTE = 1024 * 1024

EXTENSIONS = {
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "application/pdf": ("pdf",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ("pptx",),
    "application/vnd.ms-excel": ("xls",),
    "application/vnd.ms-outlook": ("msg",),
    "message/rfc822": ("eml",),
    "application/zip": ("zip",),
    "application/vnd.rar": ("rar",),
    "video/mp4": ("mp4",),
}
"""The contents that are understood, and the endings that each may have."""


@dataclass(frozen=True)
class Rule:
    """A material rule.

    ``most`` is how many files a field of this kind holds; ``least`` the fewest pixels across and
    down; ``shape`` the proportion of a picture, to which it is cropped if ``crop`` says so.
    """

    name: str
    label: Phrase
    extensions: tuple[str, ...]
    max_bytes: int
    most: int = 1
    least: tuple[int, int] = (0, 0)
    shape: tuple[int, int] | None = None
    crop: bool = False

    @property
    def mimes(self) -> frozenset[str]:
        """The contents that the endings stand for."""
        return frozenset(
            mime for mime, known in EXTENSIONS.items() if set(known) & set(self.extensions)
        )

    @property
    def accept(self) -> str:
        """The endings as a file input's ``accept`` wants them."""
        return ",".join(f".{extension}" for extension in self.extensions)

    @property
    def formats(self) -> str:
        """The endings as people read them."""
        return " ".join(self.extensions)

    @property
    def max_megabytes(self) -> int:
        """The limit as people read it."""
        return -(-self.max_bytes // MEGABYTE)


RULES = {
    rule.name: rule
    for rule in (
        Rule("licence", _l("Licence"), ("jpg", "jpeg", "png", "pdf"), 10 * MEGABYTE),
        Rule(
            "document",
            _l("Supporting documents"),
            ("jpg", "jpeg", "png", "pdf", "docx"),
            10 * MEGABYTE,
            most=10,
        ),
        Rule("seal", _l("Sealed document"), ("jpg", "png", "pdf"), 10 * MEGABYTE, most=5),
        Rule("pack", _l("Redemption pack"), ("zip", "rar"), 10 * MEGABYTE),
        Rule("stamp", _l("Stamped form"), ("pdf",), 100 * MEGABYTE - 1),
        Rule("photo", _l("Portrait"), ("jpeg", "jpg", "png"), 2 * MEGABYTE - 1, least=(200, 200)),
        Rule("logo", _l("Logo"), ("jpg", "png"), 2 * MEGABYTE, least=(200, 200), shape=(1, 1)),
        Rule(
            "cover",
            _l("Cover picture"),
            ("jpg", "png"),
            2 * MEGABYTE,
            least=(800, 600),
            shape=(4, 3),
            crop=True,
        ),
        Rule("picture", _l("Pictures"), ("jpg", "png"), 5 * MEGABYTE, most=9),
        Rule("video", _l("Video"), ("mp4",), 100 * MEGABYTE),
        Rule("intro", _l("Case document"), ("pdf", "docx", "pptx"), 20 * MEGABYTE),
        Rule("sheet", _l("List"), ("xlsx", "xls", "pdf"), 20 * MEGABYTE, most=3),
        Rule("report", _l("Report"), ("pdf", "docx"), 50 * MEGABYTE, most=3),
        Rule("mail", _l("E-mail"), ("eml", "msg", "pdf"), 10 * MEGABYTE, most=5),
        Rule("import", _l("Rows to import"), ("xlsx",), 5 * MEGABYTE),
    )
}
"""The material rules by the name that columns and uploads give them.

In the order of forms § 0.2: M-LIC, M-DOC, M-SEAL, M-ZIP, M-STAMP, M-PHOTO, M-LOGO, M-COVER,
M-PIC, M-VIDEO, M-INTRO, M-SHEET, M-REPORT, M-EML; last, what a list takes in by Excel.
"""

LARGEST = max(rule.max_bytes for rule in RULES.values())


# --- what a file is refused with ---------------------------------------------------------------


def wrong_kind(rule: Rule) -> DomainError:
    """The content is none that the rule allows."""
    return DomainError(
        _l("This file cannot be used here."),
        _l(
            "Upload one of these formats: %(formats)s, at most %(limit)s MB.",
            formats=rule.formats,
            limit=rule.max_megabytes,
        ),
    )


def misnamed() -> DomainError:
    """The content is allowed, but the ending says something else."""
    return DomainError(
        _l("The file is not what its name says."),
        _l("Save it again in the format that its ending stands for, then upload it."),
    )


def too_large(rule: Rule) -> DomainError:
    """More bytes than the rule allows."""
    return DomainError(
        _l("The file is larger than %(limit)s MB.", limit=rule.max_megabytes),
        _l("Make it smaller, for instance by scanning it at 200 dpi."),
    )


def empty() -> DomainError:
    """Nothing was sent."""
    return DomainError(_l("The file is empty."), _l("Choose the file again."))


def damaged() -> DomainError:
    """The parser of its own type cannot read it."""
    return DomainError(
        _l("The file is damaged or incomplete."),
        _l("Open it on your computer, save it again and upload the new file."),
    )


def active(what: Phrase) -> DomainError:
    """It carries something that could run on the reader's computer."""
    return DomainError(
        _l("The file contains %(what)s and was not accepted.", what=what),
        _l("Save a copy without it, for instance by printing to PDF, and upload the copy."),
    )


def locked() -> DomainError:
    """It cannot be read without a password."""
    return DomainError(
        _l("The file is protected by a password."),
        _l("Save it without protection, then upload it again."),
    )


def oversized() -> DomainError:
    """It is small as it comes and enormous unpacked."""
    return DomainError(
        _l("The file becomes too large when it is unpacked."),
        _l("Leave out what is not needed, then upload it again."),
    )
