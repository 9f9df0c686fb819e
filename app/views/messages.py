"""Messages: the reader's own (消息中心), what he wants by mail and SMS, what was sent (发件箱)."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import jinja2
from flask import abort, current_app, flash, g, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import get_locale, gettext as _, lazy_gettext as _l, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from app import access, audit, clock, messages
from app.choices import CHANNELS, OCCASIONS, TOPICS
from app.columns import FieldInfo, masked_text
from app.extensions import db
from app.models import Message, MessageChoice
from app.views.base import BackOfficeView, Page, paging
from app.views.base.cells import Cell, Shown, local_time
from app.views.base.typed import is_key
from app.views.frame import unread

MESSAGES_OF_A_PAGE = 20
AT_ONCE = 100
"""As many messages are sent again by one request as a page of the list can show."""


def said(row: Any, locale: str = "") -> tuple[str, str]:
    """What a message says; its occasion alone, should its words not be there any more."""
    settings, profile = current_app.extensions["settings"], current_app.extensions["profile"]
    try:
        return messages.render(row, profile.site, settings.public_url, locale)
    except (jinja2.TemplateError, KeyError, ValueError):
        current_app.logger.exception("message %d cannot be read", row.id)
        return str(OCCASIONS.of(row.occasion).label), ""


class MessageView(Page):
    """消息中心: what the reader was told on the platform, the newest first."""

    route_base = "/messages"
    default_view = "list"
    title = _l("Messages")
    base_permissions = ("can_list",)

    @expose("/")
    @has_access
    def list(self) -> str:
        """One page of messages, by topic and by whether they were read."""
        topic, read = request.args.get("topic", ""), request.args.get("read", "")
        conditions = [Message.channel == "inapp", Message.user_id == access.actor().user_id]
        kept: dict[str, str] = {}
        if topic in TOPICS.codes():
            names = [name for name, o in messages.OCCASIONS.items() if o.topic == topic]
            conditions.append(Message.occasion.in_(names))
            kept["topic"] = topic
        if read in {"unread", "read"}:
            is_unread = Message.read_at.is_(None)
            conditions.append(is_unread if read == "unread" else ~is_unread)
            kept["read"] = read
        page = paging.page(
            db.session(),
            select(*(getattr(Message, name) for name in SHOWN)).where(*conditions),
            Message.created_at, Message.id,
            descending=True,
            at=paging.position(request.args.get("at", ""), Message.created_at),
            size=MESSAGES_OF_A_PAGE, count=None,
        )  # fmt: skip
        return self.page(
            "messages/list.html",
            title=self.title,
            crumbs=crumbs((self.title, "")),
            entries=[self._entry(row) for row in page.rows],
            tabs=[
                {
                    "label": label,
                    "url": url_for(".list", **_but(kept, "read", value)),
                    "active": kept.get("read", "") == value,
                    "count": unread() if value == "unread" else "",
                }
                for value, label in (("", _("All")), ("unread", _("Unread")), ("read", _("Read")))
            ],
            topics=[(t.code, t.label) for t in self._topics()],
            topic=kept.get("topic", ""),
            read=kept.get("read", ""),
            newer_url=page.before and url_for(".list", **kept, at=page.before),
            older_url=page.behind and url_for(".list", **kept, at=page.behind),
        )

    def _entry(self, row: Any) -> dict[str, Any]:
        subject, body = said(row, str(get_locale()))
        occasion = messages.OCCASIONS.get(row.occasion)
        return {
            "subject": subject,
            "body": body,
            "at": local_time(row.created_at),
            "unread": row.read_at is None,
            "topic": TOPICS.of(occasion.topic) if occasion else None,
            "url": url_for(".open", pk=row.id),
        }

    @expose("/<pk>/open/", methods=["POST"])
    @has_access
    @permission_name("list")
    def open(self, pk: str) -> Response:
        """Mark a message as read and go to what it is about."""
        if not is_key(pk):
            abort(404)
        who = access.actor().user_id
        mine = select(Message).where(Message.id == int(pk), Message.channel == "inapp")
        row = db.session.scalar(mine.where(Message.user_id == who)) or abort(404)
        target = messages.link(row)
        messages.mark_read(db.session(), who, clock.now(), row.id)
        db.session.commit()
        return redirect(target)

    @expose("/read/", methods=["POST"])
    @has_access
    @permission_name("list")
    def read(self) -> Response:
        """Mark everything as read."""
        count = messages.mark_read(db.session(), access.actor().user_id, clock.now())
        db.session.commit()
        text = ngettext(
            "%(num)d message marked as read.", "%(num)d messages marked as read.", count
        )
        flash(text, "success")
        return redirect(url_for(".list"))

    # --- 消息设置 --------------------------------------------------------------------------

    @expose("/settings/", methods=["GET", "POST"])
    @has_access
    @permission_name("list")
    def settings(self) -> str | Response:
        """What the reader wants by e-mail and SMS; on the platform everything is shown."""
        own = select(MessageChoice).where(MessageChoice.user_id == access.actor().user_id)
        chosen = {row.topic: row for row in db.session.scalars(own)}
        if request.method == "POST":
            self._choose(chosen)
            db.session.commit()
            flash(_("Saved."), "success")
            return redirect(url_for(".settings"))
        person = g.grants.person
        return self.page(
            "messages/settings.html",
            title=_("Message settings"),
            crumbs=crumbs((self.title, url_for(".list")), (_("Message settings"), "")),
            lines=[self._line(topic, chosen.get(topic.code)) for topic in self._topics()],
            email=person.email,
            mobile=person.mobile,
        )

    def _topics(self) -> Sequence[Any]:
        """The topics of which this reader may be told."""
        runs = self.appbuilder.sm.has_access("can_list", SentMessageView.__name__)
        return [topic for topic in TOPICS if topic.code != "system" or runs]

    def _line(self, topic: Any, chosen: MessageChoice | None) -> dict[str, Any]:
        fixed, offered = topic.code in messages.FIXED, messages.optional(topic.code)
        return {
            "label": topic.label,
            "fixed": fixed,
            "boxes": [
                {
                    "name": f"{topic.code}.{channel}",
                    "label": f"{topic.label}: {CHANNELS.of(channel).label}",
                    "offered": channel in offered,
                    "checked": fixed or chosen is None or getattr(chosen, channel),
                }
                for channel in ("email", "sms")
            ],
        }

    def _choose(self, chosen: dict[str, MessageChoice]) -> None:
        for topic in self._topics():
            if topic.code in messages.FIXED:
                continue
            wanted = {
                channel: f"{topic.code}.{channel}" in request.form
                for channel in messages.optional(topic.code)
            }
            row = chosen.get(topic.code)
            if row is None and not all(wanted.values()):
                row = MessageChoice(user_id=access.actor().user_id, topic=topic.code)
                db.session.add(row)
            if row is not None:
                for channel, value in wanted.items():
                    setattr(row, channel, value)


SHOWN = ("id", "occasion", "channel", "context", "locale", "created_at", "read_at")


def crumbs(*more: tuple[Any, str]) -> Sequence[tuple[Any, str]]:
    """The way to a page of the reader's own messages."""
    return [(_("Workbench"), url_for("WorkbenchView.show")), *more]


def _but(kept: dict[str, str], name: str, value: str) -> dict[str, str]:
    rest = {key: held for key, held in kept.items() if key != name}
    return rest | ({name: value} if value else {})


class SentMessageView(BackOfficeView):
    """消息发送记录 (发件箱): what leaves by e-mail and SMS, and what became of it."""

    datamodel = SQLAInterface(Message)
    route_base = "/outbox"
    title = _l("Sent messages")
    intro = _l(
        "A message that fails is tried again eight times over some nineteen hours, "
        "then it is given up and can be sent again here."
    )
    list_columns = (
        "occasion", "channel", "address", "state", "attempts", "created_at", "sent_at", "error",
    )  # fmt: skip
    show_columns = (*list_columns[:-1], "due_at", "error")
    filter_columns = ("occasion", "channel", "created_at")
    order_columns = ("created_at", "id")
    base_order = ("created_at", "desc")
    tab_column = "state"
    link_column = ""
    base_permissions = ["can_list", "can_show", "can_resend"]
    include_route_methods = {"list", "show", "resend", "resend_one"}

    def base_conditions(self) -> Sequence[Any]:
        """What is shown on the platform does not travel."""
        return [Message.channel != "inapp"]

    def bulk_actions(self) -> Sequence[dict[str, Any]]:
        """What may be done with the ticked rows."""
        if not self.may("resend"):
            return []
        return [{"label": _("Send again"), "url": url_for(".resend"), "icon": "refresh"}]

    def row_ticks(self, row: Any) -> bool:
        """Only what was given up is sent again."""
        occasion = messages.OCCASIONS.get(row.occasion)
        return row.state == "dead" and not (occasion and occasion.secrets)

    def _line(self, row: Any) -> dict[str, Any]:
        line = super()._line(row)
        if self.may("resend") and self.row_ticks(row):
            again = {"label": _("Send again"), "url": url_for(".resend_one", pk=row.id)}
            line["actions"] = [again | {"method": "post"}]
        return line

    def buttons(self, row: Any) -> Sequence[dict[str, Any]]:
        """Send again."""
        if not (self.may("resend") and self.row_ticks(row)):
            return []
        again = {"label": _("Send again"), "url": url_for(".resend_one", pk=row.id)}
        return [again | {"icon": "refresh", "primary": True, "method": "post"}]

    def sections_of(self, row: Any, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """The facts, and what the message says; codes, links and numbers are nobody's here."""
        production = current_app.extensions["settings"].is_production
        context = messages.blanked(row) if production else row.context
        told = SimpleNamespace(
            **{name: getattr(row, name) for name in SHOWN} | {"context": context}
        )
        subject, body = said(told)
        words = [
            (Cell(name, FieldInfo(label), "long", None), Shown(masked_text(text)))
            for name, label, text in (("subject", _("Subject"), subject), ("body", _("Text"), body))
            if text
        ]
        facts = super().sections_of(row, plain=plain)
        if row.state in ("sent", "dead"):
            kept = [(cell, v) for cell, v in facts[0]["items"] if cell.path != "due_at"]
            facts = [{**facts[0], "items": kept}]
        return [*facts, {"title": _("What it says"), "items": words}]

    @expose("/resend/", methods=["POST"])
    @has_access
    def resend(self) -> Response:
        """Send the ticked messages again."""
        keys = [int(key) for key in request.form.getlist("id")[:AT_ONCE] if is_key(key)]
        return self._again(keys)

    @expose("/resend/<pk>/", methods=["POST"])
    @has_access
    @permission_name("resend")
    def resend_one(self, pk: str) -> Response:
        """Send one message again."""
        return self._again([self.row_or_404(pk).id])

    def _again(self, keys: Sequence[int]) -> Response:
        ours = select(Message.id).where(Message.id.in_(keys), *self.base_conditions())
        found = [*db.session.scalars(ours)]
        count = messages.resend(db.session(), found, clock.now())
        if count:
            audit.note(
                db.session(), "resend", kind="message",
                object_id=found[0] if len(found) == 1 else None, detail={"messages": found},
            )  # fmt: skip
        db.session.commit()
        if count:
            text = ngettext(
                "%(num)d message will be sent again.", "%(num)d messages will be sent again.", count
            )
            flash(text, "success")
        else:
            flash(_("Nothing was sent again: tick messages that were given up."), "warning")
        return redirect(url_for(".list", tab="dead"))
