"""Rows for the walks over all routes: each role with its own and with a foreign one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

from flask import Flask
from PIL import Image
from sqlalchemy import select, update

from app import access, audit, messages
from app.access import Actor
from app.columns import bare
from app.extensions import system_session
from app.models import (
    Accreditation,
    Activity,
    Agreement,
    Announcement,
    AssociationApplication,
    Attachment,
    AuditEntry,
    Certification,
    Consultant,
    ConsultantReview,
    Demand,
    DictItem,
    Filing,
    FlowCase,
    FlowTask,
    ImportJob,
    ImportRow,
    Invitation,
    JoinRequest,
    MainAccountChange,
    Membership,
    Message,
    Organization,
    OrganizationChange,
    Person,
    Product,
    ProductReview,
    Rating,
    ScheduledJob,
    ScoreFormula,
    StandardProduct,
)
from app.services import formulas, products
from app.services.demo import credit_code
from tests.routes import ROLES, Line


def planted(app: Flask) -> dict[str, dict[str, dict[str, Any]]]:
    """Role -> whose -> what the addresses name; rows are made so that each role has its own."""
    now = datetime.now(UTC)
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        own = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        org = {name: own[key] for name, key in people.items() if key in own}
        rows = access.elevated(session, "rows for a test")
        newcomer = {"applicant_id": people["newcomer"], "organization_id": org["newcomer"]}
        requests = {}
        for state in ("returned", "in_review"):
            key = session.scalars(
                select(Accreditation.id).where(Accreditation.state == state)
            ).first()
            rows.execute(
                update(Accreditation.__table__).where(Accreditation.id == key).values(**newcomer)
            )
            rows.execute(
                update(FlowCase.__table__)
                .where(FlowCase.subject_id == key, FlowCase.flow == "accreditation")
                .values(**newcomer)
            )
            requests[state] = key
        place = session.get_one(Organization, org["newcomer"])
        named_alike = {
            "name": place.name, "name_key": bare(place.name), "credit_code": place.credit_code
        }  # fmt: skip
        mine = Accreditation.id == requests["returned"]
        rows.execute(update(Accreditation.__table__).where(mine).values(**named_alike))
        hidden = Announcement(title="尚未发布", body="x", publish_at=now + timedelta(days=9))
        session.add(hidden)
        session.flush()
        later, gone = hidden.id, 987_654
        for name in ("institution", "institution2"):
            requests[name] = session.scalars(
                select(Accreditation.id).where(Accreditation.organization_id == org[name])
            ).one()
        session.commit()
        applied = select(FlowCase).where(FlowCase.flow == "accreditation")
        number = {row.subject_id: row.number for row in session.scalars(applied)}
        case_of = {row.number: row.id for row in session.scalars(select(FlowCase))}
        task = {
            row.case_id: row.id for row in session.scalars(select(FlowTask).order_by(FlowTask.id))
        }
        other = session.scalars(
            select(Accreditation.id).where(
                Accreditation.state == "in_review", Accreditation.id != requests["in_review"]
            )
        ).one()
        licence = {o.id: o.licence_file_id for o in session.scalars(select(Organization))}
        news = session.scalars(select(Announcement.id).order_by(Announcement.id)).first()
        asked = requests_of(session, people, now)
        told, kept = told_to(session, people, now), administered(session, people, org, now)
        session.commit()
        firms = certified_of(app, session, people, org, now)
        members = {m.user_id: m.id for m in session.scalars(select(Membership))}
        centre_file = session.scalars(
            select(Attachment.id).where(Attachment.rule == "logo")
        ).first()

    def named(
        organization: int, request: int, case: int, file: int | None, notice: int
    ) -> dict[str, Any]:
        return {
            "organizations": organization, "accreditations": request,
            "cases": number.get(case, "JG-0"), "files": file, "announcements": notice,
            "news": notice, "institutions": organization,
            "task": task[case_of[number[case]]] if case in number else 1,
        }  # fmt: skip

    foreign = named(
        org["institution2"], requests["institution2"], requests["institution2"],
        licence[org["institution2"]], later,
    ) | {"institutions": org["newcomer"]}  # fmt: skip
    public = foreign | {
        "files": centre_file,
        "announcements": news,
        "news": news,
        "institutions": org["institution"],
    }
    for rows_of, colleague, who in (
        (public, "institution_sub", "visitor"),
        (foreign, "institution2", "newcomer"),
    ):
        rows_of |= {"people": members[people[colleague]], **asked[who]}
    foreign, public = foreign | firms["enterprise"], public | firms["newcomer"]
    colleagues = {name: public[name] for name in ("people", *asked["visitor"])}
    gone_firms = dict.fromkeys(firms["newcomer"], gone)
    found = {
        "anonymous": {"own": public, "foreign": foreign},
        "visitor": {"own": public, "foreign": foreign},
        "newcomer": {
            "own": public
            | named(org["newcomer"], requests["returned"], requests["in_review"], centre_file, news)
            | {"institutions": org["institution"]},
            "foreign": foreign,
        },
        "institution": {
            "own": named(
                org["institution"], requests["institution"], requests["institution"],
                licence[org["institution"]], news,
            ) | colleagues | firms["institution"],
            "foreign": foreign,
        },
        "operator": {
            "own": named(org["institution"], other, other, licence[org["institution"]], news)
            | colleagues
            | firms["operator"],
            "foreign": named(gone, gone, gone, gone, gone)
            | dict.fromkeys(colleagues, gone)
            | gone_firms,
        },
    }  # fmt: skip
    of_staff = found["operator"]
    elsewhere = of_staff["foreign"] | {"organizations": org["bureau2"]}
    found["bureau"] = {"own": of_staff["own"] | firms["newcomer"], "foreign": elsewhere}
    found |= {"institution_sub": found["institution"], "consultant": found["visitor"]}
    found |= dict.fromkeys(("sysadmin", "secadmin", "auditor", "association"), of_staff)
    more = added(app, now)
    return {
        role: {
            whose: named_by | told[role][whose] | kept[whose] | more[role][whose]
            for whose, named_by in rows_of.items()
        }
        for role, rows_of in found.items()
    }


def added(app: Flask, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Role -> whose -> what the addresses of the supermarket name."""
    by_role = scored_of(app, now), asked_of(app, now), imported_of(app, now), joining_of(app)
    for_all = engaged_of(app, now), traded_of(app, now), offered_of(app, now)
    return {
        role: {
            whose: {
                name: value
                for part in (*(of[role] for of in by_role), *for_all)
                for name, value in part[whose].items()
            }
            for whose in ("own", "foreign")
        }
        for role in ROLES
    }


def joining_of(app: Flask) -> dict[str, dict[str, dict[str, int]]]:
    """Requests for membership: the newcomer's is returned; and a member that staff look at."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        of = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        by_state: dict[str, int] = {}
        for row in session.scalars(select(AssociationApplication)):
            by_state[row.state] = row.id
            if row.organization_id == of[people["institution"]]:
                by_state["own"] = row.id
        newcomer = {
            "applicant_id": people["newcomer"], "organization_id": of[people["newcomer"]]
        }  # fmt: skip
        rows = access.elevated(session, "rows for a test")
        table, case = AssociationApplication.__table__, FlowCase.__table__
        returned = by_state["returned"]
        rows.execute(update(table).where(table.c.id == returned).values(**newcomer))
        ours = (case.c.flow == "association") & (case.c.subject_id == returned)
        rows.execute(update(case).where(ours).values(**newcomer))
        session.commit()
        place = "association-applications"
        member = dict.fromkeys(
            ("association-members", "service-institutions"), of[people["institution"]]
        )
        gone = dict.fromkeys((place, *member), 987_654)
        mine = {"newcomer": returned, "institution": by_state["own"]}
        mine["institution_sub"] = by_state["own"]
        strange = {"visitor": by_state["own"], "newcomer": by_state["own"]}
        strange |= dict.fromkeys(("institution", "institution_sub"), by_state["in_review"])
        return {
            role: {
                "own": member | {place: mine.get(role, by_state["in_review"])},
                "foreign": gone | ({place: strange[role]} if role in strange else {}),
            }
            for role in ROLES
        }


def asked_of(app: Flask, now: datetime) -> dict[str, dict[str, dict[str, int]]]:
    """A demand that each role has to answer or has raised, and those of others."""
    with app.app_context(), system_session() as session:
        by_title = {row.title: row for row in session.scalars(select(Demand))}
        ours, theirs = by_title["五年前的设备怎么联网"], by_title["劳动合同到期续签咨询"]
        people = {p.username: p.id for p in session.scalars(select(Person))}
        raised = {}
        for number, name in enumerate(("visitor", "newcomer")):
            member = session.scalar(
                select(Membership.organization_id).filter_by(user_id=people[name])
            )
            row = Demand(
                number=f"XQ-{number}", target_kind="institution", title="x", category="sz01",
                description="x" * 10, contact_name="x", contact_phone="12000000009",
                organization_id=ours.organization_id, enterprise_id=member, enterprise_name="x",
                user_id=people[name], created_at=now, due_at=now, turn_at=now,
            )  # fmt: skip
            session.add(row)
            session.flush()
            raised[name] = row.id
        common = {"demands": ours.id, "demand_contacts": ours.id}
        foreign = {"demands": theirs.id, "demand_contacts": theirs.id, "my_demands": theirs.id}
        session.commit()
        return {
            role: {
                "own": common | {"my_demands": raised.get(role, raised["visitor"])},
                "foreign": foreign,
            }
            for role in ROLES
        }


def administered(
    session: Any, people: dict[str, int], org: dict[str, int], now: datetime
) -> dict[str, dict[str, int]]:
    """An account, an authority, and a draft of an agreement; a published one is only read."""
    drafts = [
        Agreement(document="user_agreement", number=number, title="x", body="x", created_at=now)
        for number in ("1.1", "1.2")
    ]
    session.add_all(drafts)
    audit.note(session, "login")
    session.flush()
    own = {
        "users": people["visitor"], "authorities": org["bureau"],
        "agreements": drafts[0].id, "agreements/delete": drafts[1].id,
    }  # fmt: skip
    session.commit()
    (line,) = session.scalars(select(AuditEntry.id).filter_by(action="login", actor_name=""))
    foreign = dict.fromkeys(("users", "authorities", "audit", "logins", "jobs"), 987_654)
    job = session.scalars(select(ScheduledJob.id).filter_by(name="todo.remind")).one()
    own |= {"audit": line, "logins": line, "jobs": job}
    return {"own": own, "foreign": foreign | {"agreements": 1}}


def told_to(
    session: Any, people: dict[str, int], now: datetime
) -> dict[str, dict[str, dict[str, int]]]:
    """A message of each role's own, one of somebody else's, and one that left by mail."""
    words = {"number": "JG-1", "kind": "x", "title": "x", "opinion": "x", "result": "refused"}
    messages.tell(session, "case.refused", "a@example.org", words, "mail", now)
    messages.notify(session, "case.refused", people.values(), words, "x", now, ("inapp",))
    session.flush()
    rows = session.scalars(select(Message).where(Message.dedupe_key.startswith("x:")))
    own = {row.user_id: row.id for row in rows}
    (sent,) = session.scalars(select(Message.id).filter_by(dedupe_key="mail"))
    foreign = {"messages": own[people["operator2"]], "outbox": 987_654}
    return {
        role: {
            "own": {"messages": own.get(people.get(role), 1), "outbox": sent},
            "foreign": foreign,
        }
        for role in ROLES
    }


def requests_of(session: Any, people: dict[str, int], now: datetime) -> dict[str, dict[str, int]]:
    """Whose request to join, and whose for another main account, lies returned under which id."""
    file = session.scalars(select(Attachment.id)).first()
    found: dict[str, dict[str, int]] = {}
    for name in ("visitor", "newcomer"):
        values = {
            "applicant_id": people[name], "credit_code": credit_code("77"), "real_name": "x",
            "mobile": "13800000000", "state": "returned", "created_at": now,
        }  # fmt: skip
        rows = {
            "join-requests": JoinRequest(**values),
            "main-account-changes": MainAccountChange(
                **values, licence_file_id=file, letter_id=file
            ),
        }
        session.add_all(rows.values())
        session.flush()
        found[name] = {place: row.id for place, row in rows.items()}
    session.commit()
    return found


def engaged_of(app: Flask, now: datetime) -> dict[str, dict[str, int]]:
    """A consultant with his unsent profile, and one of another institution."""
    with app.app_context(), system_session() as session:
        by_name = {row.name: row for row in session.scalars(select(Consultant))}
        mine, other = by_name["顾一川"], by_name["周以宁"]
        values = {
            "applicant_id": mine.user_id, "organization_id": mine.organization_id,
            "consultant_id": mine.id, "name": mine.name, "mobile": mine.mobile,
            "email": mine.email, "specialities": mine.specialities, "created_at": now,
        }  # fmt: skip
        row = ConsultantReview(**values)
        actor = Actor("consultant", mine.user_id)
        app.extensions["workflow"].desk(session, actor, now).open(
            "consultant_review", row, mine.organization_id
        )
        reviews = {r.consultant_id: r.id for r in session.scalars(select(ConsultantReview))}
        sent = session.scalars(select(Invitation.id)).first()
        own = {
            "consultants": mine.id, "my-profile": row.id, "market/consultants": mine.id,
            "all-consultants": mine.id, "invitations": sent,
        }  # fmt: skip
        foreign = {
            "consultants": other.id, "my-profile": reviews[other.id],
            "market/consultants": by_name["韩照临"].id,
        } | dict.fromkeys(("all-consultants", "invitations"), 987_654)  # fmt: skip
        session.commit()
    return {"own": own, "foreign": foreign}


def certified_of(
    app: Flask, session: Any, people: dict[str, int], org: dict[str, int], now: datetime
) -> dict[str, dict[str, int]]:
    """Whose certification and whose change lies unsent under which id; staff's is a firm's."""
    file = session.scalars(select(Attachment.id)).first()
    of = {n: org[n] for n in ("newcomer", "institution", "enterprise")}
    found: dict[str, dict[str, int]] = {}
    for name, key in (of | {"operator": org["enterprise"]}).items():
        place = session.get_one(Organization, key)
        values = {
            "applicant_id": people[name], "organization_id": key, "name": place.name,
            "credit_code": place.credit_code, "founded_on": date(2001, 1, 1),
            "industry": place.industry, "registered_capital": 1, "region_id": place.region_id,
            "address": "x", "licence_file_id": file, "created_at": now,
        }  # fmt: skip
        contact = {"contact_name": "x", "contact_phone": "12000000000", "contact_email": "x@y.zz"}
        rows = {
            "certifications": (
                "certification",
                Certification(**values, **contact, staff_count=1, website="无", intro="x"),
            ),
            "organization-changes": (
                "organization_change",
                OrganizationChange(**values, reason="x", before={}),
            ),
        }
        for path, (flow, row) in rows.items():
            desk = app.extensions["workflow"].desk(session, Actor("member", people[name]), now)
            desk.open(flow, row, key)
            found.setdefault(name, {})[path] = row.id
    session.commit()
    return found


def traded_of(app: Flask, now: datetime) -> dict[str, dict[str, int]]:
    """Transactions and ratings of one institution in every state that matters, and another's."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        org = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        house, other = (org[people[name]] for name in ("institution", "institution2"))

        def filing(organization_id: int) -> Filing:
            ours = Filing.organization_id == organization_id, Filing.state == "approved"
            return session.scalars(select(Filing).where(*ours).order_by(Filing.id)).first()

        def rating(organization_id: int, direction: str, state: str) -> int | None:
            ours = (
                Rating.organization_id == organization_id,
                Rating.direction == direction,
                Rating.state == state,
            )
            return session.scalars(select(Rating.id).where(*ours).order_by(Rating.id)).first()

        filed = filing(house)
        copied = ("buyer_name", "buyer_credit_code", "buyer_contact", "buyer_phone", "category")
        draft = Filing(
            applicant_id=people["institution"], organization_id=house, service_name="x",
            amount=1, signed_on=date(2026, 1, 1), created_at=now,
            **{name: getattr(filed, name) for name in copied},
        )  # fmt: skip
        desk = app.extensions["workflow"].desk(
            session, Actor("member", people["institution"], organization_id=house), now
        )
        desk.open("filing", draft, house)
        given, received = "provider_to_buyer", "buyer_to_provider"
        own = {
            "filings": filed.id, "filings/edit": draft.id, "filings/delete": draft.id,
            "ratings": rating(house, received, "shown"),
            "ratings/rate": rating(house, given, "waiting"),
            "ratings/remark": rating(house, given, "shown"),
        }  # fmt: skip
        foreign = {
            "filings": filing(other).id, "ratings": rating(other, received, "shown"),
        }  # fmt: skip
        session.commit()
    return {"own": own, "foreign": foreign}


def scored_of(app: Flask, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Activities and places of one institution and of another; drafts of the formula."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        org = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        house, other = (org[people[name]] for name in ("institution", "institution2"))
        engine = app.extensions["workflow"]

        def credited(organization_id: int) -> int:
            ours = Activity.organization_id == organization_id, Activity.state == "approved"
            return session.scalars(select(Activity.id).where(*ours)).first()

        def draft(by: str, **values: Any) -> int:
            row = Activity(
                applicant_id=people[by], organization_id=house, title="x", role_kind="host",
                partner_department="x", activity_kind="salon", from_at=now, to_at=now, place="x",
                enterprises=1, persons=1, summary="x", created_at=now, **values,
            )  # fmt: skip
            engine.desk(session, Actor("member", people[by]), now).open("activity", row, house)
            return row.id

        rows = access.elevated(session, "formulas for a test")
        values = formulas.draft(rows, now)
        names = ("edit", "delete", "publish")
        drafts = [ScoreFormula(**values | {"name": f"T{n}"}) for n, _name in enumerate(names)]
        session.add_all(drafts)
        session.flush()
        served = session.scalars(select(Consultant.id).filter_by(name="顾一川")).one()
        own = {
            "activities": credited(house), "activities/edit": draft("institution"),
            "mailed_activities": draft("operator", filed_as="mail"),
            "formulas": drafts[0].id, "formulas/delete": drafts[1].id,
            "formulas/publish": drafts[2].id,
            "formulas/show": session.scalars(select(ScoreFormula.id).filter_by(name="A1")).one(),
            "kind": "institution", "ranking": house,
        }  # fmt: skip
        gone = dict.fromkeys(("formulas", "activities/correct", "mailed_activities"), 987_654)
        foreign = gone | {
            "activities": credited(other), "formulas/show": drafts[0].id,
            "kind": "institution", "ranking": other,
        }  # fmt: skip
        session.commit()
    return {
        role: {
            "own": own
            | ({"kind": "consultant", "ranking": served} if role == "consultant" else {}),
            "foreign": foreign,
        }
        for role in ROLES
    }


def imported_of(app: Flask, now: datetime) -> dict[str, dict[str, dict[str, int]]]:
    """A file that each role sent into each page that takes files, and those of somebody else."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        org = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}

        def sent(name: str) -> dict[str, int]:
            key = people[name]
            jobs = {
                place: ImportJob(
                    target=target, user_id=key, organization_id=org.get(key), locale="zh",
                    file_name="x.xlsx", mode="all", state="previewed", created_at=now, row_count=1,
                )
                for place, target in TAKES_FILES.items()
            }  # fmt: skip
            session.add_all(jobs.values())
            session.flush()
            rows = [
                ImportRow(job_id=j.id, number=2, entries={}, state="good") for j in jobs.values()
            ]
            session.add_all(rows)
            return {f"{place}/import": job.id for place, job in jobs.items()}

        own = {name: sent(name) for name in ("institution", "consultant")}
        foreign = sent("institution2")
        session.commit()
    usual = own["institution"]
    return {role: {"own": own.get(role, usual), "foreign": foreign} for role in ROLES}


TAKES_FILES = {"consultants": "ConsultantView", "filings": "FilingView"}


def offered_of(app: Flask, now: datetime) -> dict[str, dict[str, Any]]:
    """Products of one institution in every state that matters, and those of another."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        org = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        house, other = (org[people[name]] for name in ("institution", "institution2"))
        standards = {row.name: row for row in session.scalars(select(StandardProduct))}
        terms = Product(price_mode="free", cycle_days=1, valid_until=date(2099, 1, 1))

        def listed(name: str, state: str = "") -> int:
            key = products.offer(session, house, standards[name], terms, [], now)
            if state:
                products.LISTING.move(session, key, state, now, opinion="x")
            return key

        def found(kind: str, state: str, owner: int) -> int | None:
            mine = Product.kind == kind, Product.state == state, Product.organization_id == owner
            return session.scalars(select(Product.id).where(*mine).order_by(Product.id)).first()

        off = standards["企业内训"].id
        products.switch_off(session, off, now, "x")
        special = found("special", "listed", house)
        held = select(ProductReview).where(ProductReview.product_id == special)
        old = session.scalars(held).first()
        names = ("category", "cover_id", "slogan", "targets", "content", "deliverables",
                 "price_mode", "cycle_days", "valid_until")  # fmt: skip
        values = {name: getattr(old, name) for name in names}
        reviews = []
        for who, owner in (("institution", house), ("institution2", other)):
            row = ProductReview(
                name="x", applicant_id=people[who], organization_id=owner, created_at=now, **values
            )
            desk = app.extensions["workflow"].desk(session, Actor("member", people[who]), now)
            desk.open("product_review", row, owner)
            reviews.append(row.id)
        forced = session.scalars(
            select(Product.id).where(Product.kind == "special", Product.state == "forced")
        ).one()
        listing = listed("代理记账")
        category = session.scalars(select(DictItem.id).where(DictItem.code == "zc02")).one()
        own = {
            "categories": category,
            "standard_products": standards["代理记账"].id, "standard_products/switch_on": off,
            "catalogue": standards["知识产权贯标辅导"].id, "listings": listing,
            "listings/relist": listed("合同模板与制度审查", "delist"),
            "listings/release": listed("网络安全体检", "force"),
            "products": special, "products/release": forced,
            "products/relist": special, "product_reviews": reviews[0],
            "market/products": special,
        }  # fmt: skip
        session.commit()
        foreign = {
            "listings": found("standard", "listed", other),
            "products": found("special", "listed", other),
            "product_reviews": reviews[1],
            "market/products": forced,
        } | dict.fromkeys(("standard_products", "catalogue", "categories"), 987_654)
    return {"own": own, "foreign": foreign}


MASKED = {  # elsewhere contact_phone
    "association-applications": "representative_mobile",
    "filings": "buyer_phone",
    "accreditations": "contact_mobile", "users": "mobile", "all-consultants": "mobile",
    "invitations": "email",
}  # fmt: skip
WORDS = {
    "own": {"after": 0, "field": "contact_phone", "name": "region", "code": "zh",
            "document": "user_agreement", "version": "1.0", "form": "x-new",
            "action": "approve", "state": "on", "token": "x"},
    "foreign": {"after": 0, "field": "name", "name": "applicant", "code": "xx",
                "document": "nothing", "version": "1.0", "form": "NO-FORM",
                "action": "approve", "state": "off", "token": "y"},
}  # fmt: skip


REFERRED = {
    "all-consultants": "organization", "invitations": "organization", "demands": "organization",
    "demand_contacts": "consultant", "listings": "consultants", "product_reviews": "consultants",
    "filings": "product", "activities": "organization", "mailed_activities": "organization",
    "scores": "organization", "pool": "organization",
}  # fmt: skip
"""The relation that the options of a page are asked for, where it is not the usual one."""


def address(line: Line, rows: dict[str, dict[str, Any]]) -> str:
    """The rule with its arguments filled in."""
    whose = "own" if line.whose == "-" else line.whose
    path, (_, place, *parts) = line.rule, line.rule.split("/")
    words = WORDS[whose] | {
        "pk": rows[whose].get("/".join([place, *parts[:1]]), rows[whose].get(place)),
        "job": rows[whose].get(f"{place}/import"),
        "number": rows[whose]["cases"],
        "task": rows[whose]["task"],
    }
    if whose == "own":
        words["name"] = REFERRED.get(place, words["name"])
    if place == "ranking":
        words |= {"kind": rows[whose]["kind"], "key": rows[whose]["ranking"]}
    if place == "users":
        words |= {"action": "logout", "field": "mobile"}
    if whose == "own":
        words["field"] = MASKED.get(place, words["field"])
    for name, value in words.items():
        path = path.replace(f"<{name}>", str(value))
    assert "<" not in path, path
    return path


def picture() -> BytesIO:
    stream = BytesIO()
    Image.new("RGB", (300, 300), "#1f5fbf").save(stream, "PNG")
    stream.seek(0)
    return stream


def body(line: Line) -> dict[str, Any]:
    """What a request of this route carries, so that nothing but the right is missing."""
    if line.rule == "/files/":
        return {"data": {"rule": "logo", "file": (picture(), "x.png")}}
    if line.rule.startswith("/drafts/"):
        return {"json": [["name", "x"]]}
    return {"data": {}}


def outcome(client: Any, line: Line, path: str) -> str:
    more = body(line) if line.method != "GET" else {}
    answer = client.open(path, method=line.method, buffered=True, **more)
    to_login = answer.status_code == 302 and "/login/" in answer.headers["Location"]
    return "login" if to_login and line.rule != "/login/" else str(answer.status_code)
