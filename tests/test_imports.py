"""Import from Excel: what the form refuses the sheet is refused, and nothing is written twice."""

from __future__ import annotations

import re
import time
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from bs4 import BeautifulSoup
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select, update

from app import clock
from app.errors import DomainError
from app.extensions import system_session
from app.jobs import run_job
from app.models import Consultant, Filing, ImportJob, ImportRow, LifeEvent
from app.services import imports, people, sheets
from app.services.demo import credit_code
from app.services.sheets import Column
from tests import samples as made

HEADS = ("Name", "Mobile number", "E-mail", "Post", "Specialities", "Note for us")
BAD = ("", 1390000, "nobody", "", "不存在的领域", "")


def sheet(*rows, heads=HEADS) -> bytes:
    """An Excel file as somebody would fill it in."""
    book, out = Workbook(), BytesIO()
    for row in (heads, *rows):
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def sent(client, content: bytes, mode: str = "all", path: str = "/consultants", name="顾问.xlsx"):
    """Upload a file and hand it in; the answer."""
    file = {"rule": "import", "file": (BytesIO(content), name)}
    kept = client.post("/files/", data=file)
    assert kept.status_code == 200, kept.text
    return client.post(f"{path}/import/", data={"file": kept.json["id"], "mode": mode})


@pytest.fixture
def field_of(sign_in) -> str:
    """A speciality that the demonstration's institution may name."""
    page = BeautifulSoup(sign_in("institution").get("/consultants/add/").text, "html.parser")
    box = page.select_one('[name="specialities"] option[value]:not([value=""])')
    box = box or page.select_one('label:has([name="specialities"])')
    return box.get_text(strip=True)


def problem_in(answer) -> str:
    """What a page says is wrong, for the message of a failed test."""
    return " ".join(
        n.get_text(" ", strip=True)
        for n in BeautifulSoup(answer.text, "html.parser").select(".note-d")
    )


def row_of(number: int, field: str, **changed) -> tuple:
    values = {
        "name": f"顾问{number}", "mobile": str(13910000000 + number),
        "email": f"c{number}@example.com", "title": "", "field": field, "note": "",
    } | changed  # fmt: skip
    return tuple(values.values())


def count_of(app, model, *where) -> int:
    with app.app_context(), system_session() as session:
        return session.scalar(select(func.count()).select_from(model).where(*where)) or 0


@pytest.mark.db
def test_rows_are_checked_then_written_all_or_none(app, sign_in, field_of):
    client = sign_in("institution")
    before = count_of(app, Consultant)
    assert "导入" in client.get("/consultants/list/").text
    assert "下载模板" in client.get("/consultants/import/").text
    template = load_workbook(BytesIO(client.get("/consultants/import/template.xlsx").data))
    heads = [cell.value for cell in template.worksheets[0][1]]
    assert heads[:2] == ["姓名*", "手机号码*"]
    assert heads[3:4] == ["职务"]

    answer = sent(client, sheet(row_of(1, field_of), BAD, row_of(2, field_of)))
    assert answer.status_code == 302, problem_in(answer)
    page = client.get(answer.location).text
    assert "预检中" in page
    run_job(app, "import.run")
    page = client.get(answer.location).text
    assert "待确认" in page
    assert "手机号码" in page
    assert "confirm/" not in page  # one row has faults, so nothing may be written
    client.post(f"{answer.location}confirm/")
    run_job(app, "import.run")
    assert count_of(app, Consultant) == before

    faulty = load_workbook(BytesIO(client.get(f"{answer.location}faults.xlsx").data))
    rows = list(faulty.worksheets[0].iter_rows(values_only=True))
    assert len(rows) == 2
    assert rows[1][-2] == "3"
    assert "手机号码" in rows[1][-1]

    good = sent(client, sheet(*(row_of(number, field_of) for number in range(1, 121))))
    run_job(app, "import.run")
    assert "全部行均无误" in client.get(good.location).text
    assert count_of(app, Consultant) == before
    client.post(f"{good.location}confirm/")
    run_job(app, "import.run")
    run_job(app, "import.run")
    assert count_of(app, Consultant) == before + 120
    assert "已导入 120 行" in client.get(good.location).text
    assert "顾问120" in client.get("/consultants/list/?q=顾问120").text
    key = int(re.search(r"/import/(\d+)/", good.location)[1])
    steps = LifeEvent.kind == "import_job", LifeEvent.subject_id == key
    with app.app_context(), system_session() as session:
        found = session.execute(select(LifeEvent.action, LifeEvent.actor_name).where(*steps)).all()
    assert [step.action for step in found] == ["check", "confirm", "finish"]
    assert found[1].actor_name

    # the same numbers again: each row says that it is known already
    again = sent(client, sheet(row_of(5, field_of)))
    run_job(app, "import.run")
    assert "有错误" in client.get(again.location).text


@pytest.mark.db
def test_faulty_rows_are_skipped_where_that_was_chosen(app, sign_in, field_of):
    client = sign_in("institution")
    before = count_of(app, Consultant)
    twin = row_of(1, field_of, name="同号")
    answer = sent(client, sheet(row_of(1, field_of), BAD, twin, row_of(2, field_of)), "skip")
    run_job(app, "import.run")
    page = client.get(answer.location).text
    assert "与第 2 行重复" in page
    assert "导入 2 行" in page
    client.post(f"{answer.location}confirm/")
    run_job(app, "import.run")
    page = client.get(answer.location).text
    assert "部分成功" in page
    assert "已导入 2 行" in page
    assert count_of(app, Consultant) == before + 2


def test_a_pass_that_was_cut_off_goes_on_where_it_stopped(app, sign_in, field_of, monkeypatch):
    client = sign_in("institution")
    before = count_of(app, Consultant)
    rows = [row_of(number, field_of) for number in range(1, 121)]
    answer = sent(client, sheet(*rows), "skip")
    run_job(app, "import.run")
    client.post(f"{answer.location}confirm/")
    real, calls = imports.next_rows, []

    def dies(*args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(imports, "next_rows", dies)
    with pytest.raises(KeyboardInterrupt):
        run_job(app, "import.run")
    monkeypatch.undo()
    assert count_of(app, Consultant) == before + 50
    assert "50 / 120" in client.get(answer.location).text
    run_job(app, "import.run")
    assert count_of(app, Consultant) == before + 50  # its lease still runs
    run_job(app, "import.run", clock.now() + imports.LEASE * 2)
    assert count_of(app, Consultant) == before + 120


def test_an_import_is_cancelled_and_belongs_to_its_owner(app, sign_in, field_of):
    client = sign_in("institution")
    before = count_of(app, Consultant)
    answer = sent(client, sheet(row_of(1, field_of)))
    for name in ("institution2", "operator", None):
        other = sign_in(name)
        assert other.get(answer.location).status_code in {302, 403, 404}
        assert other.post(f"{answer.location}confirm/").status_code in {302, 403, 404}
    run_job(app, "import.run")
    client.post(f"{answer.location}cancel/")
    assert "已取消" in client.get(answer.location).text
    client.post(f"{answer.location}confirm/")
    run_job(app, "import.run")
    assert count_of(app, Consultant) == before
    run_job(app, "import.purge", clock.now() + imports.KEPT * 2)
    assert count_of(app, ImportRow) == 0
    assert count_of(app, ImportJob) == 1


@pytest.mark.db
def test_an_import_is_taken_back_as_far_as_nobody_used_it(app, sign_in, field_of):
    client = sign_in("institution")
    before = count_of(app, Consultant)
    answer = sent(client, sheet(*(row_of(number, field_of) for number in range(1, 61))))
    run_job(app, "import.run")
    assert "undo/" not in client.get(answer.location).text  # nothing is written yet
    client.post(f"{answer.location}undo/")
    client.post(f"{answer.location}confirm/")
    run_job(app, "import.run")
    assert count_of(app, Consultant) == before + 60
    with app.app_context(), system_session() as session:
        known = dict(session.execute(select(Consultant.mobile, Consultant.id)).all())
        changed = session.get_one(Consultant, known["13910000002"])
        changed.title = "高级顾问"
        session.commit()
    client.post(f"/consultants/invite/{known['13910000007']}/")
    client.post(f"/consultants/delete/{known['13910000009']}/")
    assert sign_in("institution2").post(f"{answer.location}undo/").status_code == 404
    client.post(f"{answer.location}undo/")
    assert "正在撤回" in client.get(answer.location).text
    run_job(app, "import.run")
    page = client.get(answer.location).text
    assert "已撤回 58 行；2 行导入后已修改或使用，予以保留" in page
    assert page.count("导入后已被修改或使用") == 2
    assert "undo/" not in page
    assert count_of(app, Consultant) == before + 2
    left = count_of(app, Consultant, Consultant.mobile.in_(("13910000002", "13910000007")))
    assert left == 2
    run_job(app, "import.run")
    assert count_of(app, Consultant) == before + 2


def test_whoever_lost_the_right_imports_nothing_more(app, sign_in, field_of):
    client = sign_in("institution")
    answer = sent(client, sheet(row_of(1, field_of)))
    with app.app_context(), system_session() as session:
        job = session.scalars(select(ImportJob)).one()
        job.organization_id = None  # as if he acted for somebody else now
        session.commit()
    run_job(app, "import.run")
    assert "您不能再向此页面导入数据" in client.get(answer.location).text


@pytest.mark.db
def test_a_file_stays_with_the_institution_for_which_it_was_sent(app, sign_in, actor_of):
    """Whoever serves another one now reads and imports nothing of the one before."""
    client, number = sign_in("consultant"), actor_of("consultant").consultant_id
    other = actor_of("institution2").organization_id
    heads = ("采购企业", "采购企业统一社会信用代码", "企业联系人", "企业联系电话", "交易产品",
             "服务类别", "交易金额（元）", "签订日期")  # fmt: skip
    day = str(clock.local_day(clock.now()))
    row = ("某公司", credit_code("91"), "方圆", "12000000170", "甲的服务", "系统集成", 1000, day)
    answer = sent(client, sheet(row, heads=heads), path="/filings")
    assert answer.status_code == 302, problem_in(answer)
    run_job(app, "import.run")
    assert "甲的服务" in client.get(answer.location).text
    with app.app_context(), system_session() as session:
        moved = update(Consultant).where(Consultant.id == number).values(organization_id=other)
        session.execute(moved)
        session.execute(update(ImportJob).values(state="running"))  # as if confirmed before
        people.raise_version(session.connection())
        session.commit()
    assert client.get(answer.location).status_code == 404
    run_job(app, "import.run")
    assert count_of(app, Filing, Filing.service_name == "甲的服务") == 0
    assert count_of(app, ImportJob, ImportJob.state == "failed") == 1


def test_a_small_file_that_takes_minutes_to_read_is_refused(sign_in):
    """One row of two million empty cells is 12 KB packed, and gigabytes in a reader's memory."""
    wide = b"<worksheet><sheetData><row>" + b"<c/>" * 2_000_000 + b"</row></sheetData></worksheet>"
    stream = BytesIO()
    with ZipFile(BytesIO(sheet(("x",)))) as old, ZipFile(stream, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, wide if name.endswith("sheet1.xml") else old.read(name))
    started = time.monotonic()
    answer = sent(sign_in("institution"), stream.getvalue())
    assert answer.status_code == 400
    assert "解压后过大" in answer.text, problem_in(answer)
    assert time.monotonic() - started < 15


def test_a_file_is_refused_before_a_row_of_it_is_kept(app, sign_in):
    client = sign_in("institution")
    for content, said in (
        (sheet(("周", "=1+1", "", "", "", "")), "单元格 B2 含有公式"),
        (sheet(), "表头下没有数据"),
        (sheet(("x",), heads=(HEADS[0], "别的")), "缺少以下列"),
        (sheet(("x",) * 7, heads=(*HEADS, "密码")), "无法识别"),
        (sheet(("x",) * 7, heads=(*HEADS, HEADS[0])), "重复"),
        (sheet(*([("x",) * 6] * 1001)), "超过 1000 行"),
    ):
        answer = sent(client, content)
        assert answer.status_code == 400, said
        assert said in answer.text, problem_in(answer)
    assert client.post("/consultants/import/", data={"mode": "all"}).status_code == 400
    for hostile, name in (
        (made.office("xlsx", {"xl/vbaProject.bin": b"x"}), "宏.xlsx"),
        (made.office("xlsx", {"xl/worksheets/sheet1.xml": b"0" * 60_000_000}), "大.xlsx"),
        (made.PROGRAM, "程序.xlsx"),
    ):
        file = {"rule": "import", "file": (BytesIO(hostile), name)}
        assert client.post("/files/", data=file).status_code == 422
    assert count_of(app, ImportJob) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(13800000000.0, "13800000000"), (1.5, "1.5"), (True, "1"), (" a ", "a"), (0.1 + 0.2, "0.3")],
)
def test_a_cell_is_read_as_it_is_seen(value, text):
    column = Column("x", "X", frozenset({"X"}))
    (line,) = sheets.read(BytesIO(sheet([value], heads=["X"])), [column], 5)
    assert dict(line.entries) == {"x": text}


def test_a_row_far_below_is_not_searched_for():
    book, out = Workbook(), BytesIO()
    book.active["A1"], book.active["A1000000"] = "X", "late"
    book.save(out)
    with pytest.raises(DomainError):
        sheets.read(out, [Column("x", "X", frozenset({"X"}))], 5)


def test_nothing_a_reader_gets_back_is_a_formula():
    column = Column("x", "X", frozenset({"X"}))
    line = sheets.Line(2, {"x": "=cmd|' /c calc'!A1"})
    content = sheets.faults([column], [(line, "=1")])
    for row in load_workbook(BytesIO(content)).worksheets[0].iter_rows():
        assert {cell.data_type for cell in row} == {"s"}
