"""The Chinese catalogue: gathered from the code, compiled for the pages, checked for gaps.

``python -m tools.catalogue compile | update | check``
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "translations"
LOCALE = "zh"
PO = FOLDER / LOCALE / "LC_MESSAGES" / "messages.po"
KEYWORDS = ("_l", "lazy_gettext", "lazy_ngettext:1,2", "_n:1,2")


def compile_catalogue() -> None:
    """Write the compiled catalogue when the readable one is newer."""
    compiled = PO.with_suffix(".mo")
    if not PO.exists():
        return
    if compiled.exists() and compiled.stat().st_mtime >= PO.stat().st_mtime:
        return
    with compiled.open("wb") as file:
        write_mo(file, _read(PO))


def update() -> None:
    """Gather the texts and bring the Chinese catalogue up to date; what is new stays empty."""
    with tempfile.TemporaryDirectory() as room:
        template = _extract(Path(room))
        command = ["init"]
        if PO.exists():
            command = ["update", "--no-fuzzy-matching", "--ignore-pot-creation-date"]
        _babel(*command, "-i", str(template), "-d", str(FOLDER), "-l", LOCALE)
    compile_catalogue()
    empty = [message for message in _messages(_read(PO)) if not _is_translated(message)]
    sys.stdout.write(f"{PO.relative_to(ROOT)}: {len(empty)} texts wait for their Chinese\n")


def faults() -> Iterator[str]:
    """What is wrong with the catalogue, one line each; nothing when all is well."""
    if not PO.exists():
        yield f"{PO.relative_to(ROOT)} is missing: make i18n"
        return
    with tempfile.TemporaryDirectory() as room:
        wanted = {_key(message) for message in _messages(_read(_extract(Path(room))))}
    catalogue = _read(PO)
    found = {_key(message): message for message in _messages(catalogue)}
    for key in sorted(wanted - found.keys()):
        yield f"not in the catalogue (make i18n): {key[1]!r}"
    for key in sorted(found.keys() - wanted):
        yield f"no longer used (make i18n): {key[1]!r}"
    for key in sorted(wanted & found.keys()):
        message = found[key]
        if not _is_translated(message):
            yield f"without Chinese: {key[1]!r}"
        if message.fuzzy:
            yield f"marked as fuzzy: {key[1]!r}"
        for error in message.check(catalogue):
            yield f"{error}: {key[1]!r}"


def _extract(room: Path) -> Path:
    template = room / "messages.pot"
    keywords = [part for keyword in KEYWORDS for part in ("-k", keyword)]
    _babel(
        "extract", "-F", "pyproject.toml", *keywords, "--project", "Qifu", "--add-location=file",
        "--sort-by-file", "--add-comments=L10N:", "-o", str(template), ".",
    )  # fmt: skip
    return template


def _babel(*arguments: str) -> None:
    command = (sys.executable, "-m", "babel.messages.frontend", "--quiet", *arguments)
    subprocess.run(command, cwd=ROOT, check=True)


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=LOCALE if path.suffix == ".po" else None)


def _messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def _key(message: Message) -> tuple[str, str]:
    """Identify a text by its context and its (first) words."""
    words = message.id if isinstance(message.id, str) else " / ".join(message.id)
    return message.context or "", words


def _is_translated(message: Message) -> bool:
    text = message.string or ""
    return all(form.strip() for form in ([text] if isinstance(text, str) else text))


def main() -> int:
    """Do what the first argument names."""
    match sys.argv[1:]:
        case ["compile"]:
            compile_catalogue()
        case ["update"]:
            update()
        case ["check"]:
            found = list(faults())
            sys.stdout.writelines(f"{fault}\n" for fault in found)
            return 1 if found else 0
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
