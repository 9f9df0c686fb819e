"""CONTRIBUTING's worked example, applied to a copy of the repository and run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(python|diff|po) (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COPIED = (
    *("app", "migrations", "tools", "translations", "pyproject.toml"),
    *("tests/conftest.py", "tests/services.py", "tests/stores.py"),
)
STANDING = re.compile(r"^```python in (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CREATED = ("app/tables/visits.py", "app/views/visits.py", "tests/test_visits.py")


def blocks() -> list[tuple[str, str, str]]:
    """Language, file and text of every block that names a file."""
    return FENCE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


def changed(present: str, difference: str) -> str:
    """``present`` with one difference applied; its old lines must stand there exactly once."""
    lines = difference.splitlines()
    old = "".join(f"{line[1:]}\n" for line in lines if line[0] != "+")
    new = "".join(f"{line[1:]}\n" for line in lines if line[0] != "-")
    assert present.count(old) == 1, f"not there, or more than once:\n{old}"
    return present.replace(old, new)


def appended(present: str, block: str) -> str:
    """``present`` with ``block`` at its end."""
    return f"{present.rstrip()}\n\n\n{block}" if present else block


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Path:
    """A copy of what the example needs, with the example applied."""
    room = tmp_path_factory.mktemp("workshop")
    rubbish = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in COPIED:
        source, target = ROOT / name, room / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=rubbish)
        else:
            shutil.copy2(source, target)
    for language, name, text in blocks():
        file = room / name
        present = file.read_text(encoding="utf-8") if file.exists() else ""
        change = changed if language == "diff" else appended
        file.write_text(change(present, text), encoding="utf-8")
    return room


def run(room: Path, *command: str) -> str:
    """What a command says in the workshop, on a database of its own; it must succeed."""
    places = {"DATABASE_URL": f"sqlite:///{room}/visits.db", "STORAGE_URL": f"{room}/uploads"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "QIFU_KINDS"))}
    done = subprocess.run(  # noqa: S603 - our own commands
        (sys.executable, "-m", *command),
        cwd=room,
        env=kept | places | {"PYTHONPATH": str(room)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_the_announcement_is_shown_as_it_stands():
    shown = STANDING.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert [name for name, _block in shown] == [
        "app/tables/announcements.py", "app/access/rules.py", "app/views/announcements.py",
    ]  # fmt: skip
    for name, block in shown:
        assert block in (ROOT / name).read_text(encoding="utf-8"), f"{name} reads otherwise"


@pytest.mark.db
def test_an_announcement_goes_from_its_form_to_everybody(sign_in):
    staff, visitor = sign_in("operator"), sign_in()
    body = "<h2>第一行</h2><p onclick='x()'>第二行<script>alert(1)</script></p>"
    typed = {"title": "测试公告", "body": body, "publish_at": "2026-01-31T09:30"}
    faulty = staff.post("/announcements/add/", data=typed | {"title": ""})
    assert faulty.status_code == 400
    assert "此项必填" in faulty.text
    assert "第二行" in faulty.text
    address = staff.post("/announcements/add/", data=typed).location
    assert "2026-01-31 09:30" in staff.get(address).text
    key = address.rstrip("/").rpartition("/")[2]
    shown = visitor.get(f"/news/{key}/").text
    assert "测试公告" in shown
    assert "<h2>第一行</h2><p>第二行</p>" in shown
    later = typed | {"publish_at": "2999-01-31T09:30"}
    staff.post(f"/announcements/edit/{key}/", data=later)
    assert visitor.get(f"/news/{key}/").status_code == 404
    assert staff.post(f"/announcements/delete/{key}/").status_code == 302
    assert staff.get(address).status_code == 404


def test_every_step_of_the_example_names_its_file():
    files = [name for _language, name, _text in blocks()]
    assert set(files) == {
        *("app/choices.py", "app/models.py", "app/access/rules.py"),
        "app/views/__init__.py",
        *("app/profiles/demo.toml", "translations/zh/LC_MESSAGES/messages.po"),
        *CREATED,
    }
    assert files.count("app/views/__init__.py") == 3
    assert not [name for name in CREATED if (ROOT / name).exists()]


def test_the_example_is_written_as_the_house_writes(workshop):
    run(workshop, "ruff", "check", "--quiet", *CREATED)
    run(workshop, "ruff", "format", "--check", "--quiet", *CREATED)


@pytest.fixture(scope="module")
def migration(workshop) -> Path:
    """The migration that is written for the example."""
    run(workshop, "tools.catalogue", "compile")
    run(workshop, "flask", "--app", "app", "db", "upgrade")
    written = workshop / "migrations" / "versions"
    before = set(written.glob("*.py"))
    run(workshop, "flask", "--app", "app", "db", "migrate", "-m", "add visits")
    (migration,) = set(written.glob("*.py")) - before
    return migration


def test_the_migration_of_the_example_is_whole(workshop, migration):
    assert "visit_organization_id" in migration.read_text(encoding="utf-8")
    run(workshop, "flask", "--app", "app", "db", "upgrade")
    run(workshop, "flask", "--app", "app", "db", "check")


@pytest.mark.db
@pytest.mark.usefixtures("migration")
def test_the_worked_example_works(workshop):
    said = run(workshop, "pytest", "-q", "-p", "no:cacheprovider", "tests/test_visits.py")
    assert "6 passed" in said
