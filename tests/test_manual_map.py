"""What the documents say of the product is so: numbers, pages, tests, links, variables, words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from app.services.demo import ACCOUNTS, PASSWORD
from tests.conftest import TEST_CODE

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NUMBER = re.compile(r"\bS\d-\d+\b")
CLAIMED = {
    *(f"S0-{n}" for n in range(4, 13)),
    *("S1-4", "S1-5", "S1-14"),
    *("S0-36", "S0-37", "S0-38", "S1-7", "S1-21", "S2-2", "S2-3", "S2-4"),
    *(f"S4-{n}" for n in range(1, 15)),
}
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
HOST = re.compile(r"\b(?:https?|ssh|git)://(?:[^\s/@]*@)?([\w.-]+)")
NAMED = re.compile(r"`((?:app|docs|tests|tools|migrations|requirements|translations)/[\w./-]+)`")
EXAMPLE = {"app/views/visits.py", "tests/test_visits.py"}
MACHINE_PATH = re.compile(r"(?<![\w.>])/(?:work|root|home|tmp|usr|opt|mnt)/")
LOCAL_HOSTS = {"127.0.0.1", "localhost", "host", "example.com"}


def table(document: str) -> list[list[str]]:
    """The cells of every row of every table, heads included."""
    lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line[:1] == "|"]
    return [row for row in rows if set(row[0]) != {"-"}]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


MAP = {row[0]: row[1:] for row in table("docs/manual-map.md")[1:]}


# --- the manual map -------------------------------------------------------------------------


def test_every_claimed_number_is_in_the_map_once():
    numbers = [row[0] for row in table("docs/manual-map.md")[1:]]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) == CLAIMED


def test_every_number_that_the_code_cites_is_in_the_map():
    files = (
        path for kind in ("py", "html", "txt", "toml") for path in ROOT.glob(f"app/**/*.{kind}")
    )
    cited = {
        number: path.relative_to(ROOT)
        for path in files
        for number in NUMBER.findall(path.read_text(encoding="utf-8"))
    }
    assert {number: path for number, path in cited.items() if number not in MAP} == {}


@pytest.mark.parametrize("number", sorted(MAP))
def test_a_number_has_words_pages_and_tests(number):
    asks, missing, pages, tests = MAP[number]
    assert asks
    assert missing
    assert quoted(pages)
    assert quoted(tests)


def test_every_page_of_the_map_exists(application):
    known = {re.sub(r"<\w+:", "<", rule.rule) for rule in application.url_map.iter_rules()}
    named = {page for _asks, _missing, pages, _tests in MAP.values() for page in quoted(pages)}
    assert named <= known, named - known


def test_every_test_of_the_map_exists():
    named = {test for *_rest, tests in MAP.values() for test in quoted(tests)}
    absent = []
    for test in sorted(named):
        file, name = test.split("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            absent.append(test)
    assert absent == []


def test_a_login_lands_on_the_portal_whose_head_leads_to_the_workbench(sign_in):
    browser = sign_in()
    assert 'href="/register/"' in browser.get("/login/").text
    typed = {"username": "institution", "password": PASSWORD, "captcha": TEST_CODE}
    assert browser.post("/login/", data=typed).location == "/"
    assert re.search(
        r'<a[^>]+href="/workbench/"[^>]*>[^<]*(<svg.*?</svg>)?\s*工作台', browser.get("/").text
    )


# --- the other documents --------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists_and_is_no_machine(path):
    text = path.read_text(encoding="utf-8")
    targets = [a or b for a, b in LINK.findall(text)]
    local = [t.partition("#")[0] for t in targets if "://" not in t and not t.startswith("#")]
    assert [target for target in local if not (path.parent / target).exists()] == []
    named = set(NAMED.findall(text)) - EXAMPLE
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    assert set(HOST.findall(text)) <= LOCAL_HOSTS
    assert MACHINE_PATH.findall(text) == []


def test_readme_names_every_variable_that_the_application_reads():
    source = (ROOT / "app" / "config.py").read_text(encoding="utf-8")
    read = set(re.findall(r"environ\.get\(\"(\w+)\"", source))
    named = set(quoted(" ".join(row[0] for row in table("README.md"))))
    assert read
    assert read <= named, read - named


def test_readme_names_the_demo_accounts():
    named = quoted(" ".join(row[0] for row in table("README.md")))
    assert [a.username for a in ACCOUNTS if a.username not in named] == []
    assert PASSWORD in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_words_of_the_glossary_are_those_of_the_catalogue():
    with (ROOT / "translations/zh/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file)
    spoken = {m.id: m.string for m in catalogue if isinstance(m.id, str)}
    rows = [row for row in table("docs/glossary.md") if row[0] != "code" and row[1] != "–"]
    assert len(rows) > 40
    assert {r[1]: r[2] for r in rows if spoken.get(r[1]) != r[2]} == {}
