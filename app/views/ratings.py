"""Ratings (评价管理, S4-13): what waits, what one said, what the other side said; staff hide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flask import abort, current_app, flash, has_request_context, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from sqlalchemy import and_, or_

from app import access, choices, clock
from app.columns import Choice, Choices, FieldInfo
from app.errors import Problem
from app.extensions import db
from app.models import Rating
from app.security import words
from app.services import ratings
from app.services.ratings import TO_BUYER, TO_PROVIDER
from app.views.base import BackOfficeView
from app.views.base.cells import Cell, cell_at
from app.views.base.fields import StarsField, TermsField, offered
from app.views.base.forms import Declared, ModelForm, field_for
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.base.view import Answer

MOST_STARS = 5
SAYABLE = 300
OURS = "ratings"
"""The entry of the menu that an institution has (评价管理); an enterprise has 我的交易."""
WAITING = "WaitingRatingView"
TABS = {
    OURS: (_l("To be rated"), _l("Ratings of enterprises"), _l("Ratings received")),
    "my_trades": (_l("To be rated"), _l("Rated by me"), _l("Received ratings")),
}
ReplyForm = sheet_form(
    {"text": FieldInfo(_l("Reply"), kind="long", maximum=SAYABLE, required=True)}
)
RemarkForm = sheet_form(
    {"text": FieldInfo(_l("Later remark"), kind="long", maximum=SAYABLE, required=True)}
)
NOTE = FieldInfo(_l("Note for the log"), kind="long", maximum=200, required=True)
HideForm = sheet_form(
    {
        "reason": FieldInfo(
            _l("Reason of hiding"),
            choices=choices.HIDE_REASONS,
            required=True,
            hint=_l("The score stays, unless the rating was verified as untrue"),
        ),
        "note": NOTE,
    }
)
RestoreForm = sheet_form({"note": NOTE})


class RatingList(BackOfficeView):
    """One of the lists of an organization: the other side of the row stands where names stand."""

    datamodel = SQLAInterface(Rating)
    base_permissions = ["can_list"]
    include_route_methods = {"list"}
    menu_of = WAITING
    labels = MappingProxyType({"buyer_name": _l("Enterprise or institution")})
    extra_columns = ("institution_name", "direction")

    @property
    def title(self) -> Any:  # type: ignore[override]
        """评价管理 for an institution, 我的交易 for an enterprise."""
        return _l("Rating management") if _menu() == OURS else _l("My transactions")

    def row_url(self, row: Any) -> str | None:
        """The rating's page."""
        return url_for("RatingView.show", pk=row.id)

    def row_may(self, _row: Any, _verb: str) -> bool:
        """What may be done is said by :meth:`_line`."""
        return False

    def getter(self, cell: Cell) -> Callable[[Any], Any]:
        """The name of the other side."""
        if cell.path != "buyer_name":
            return super().getter(cell)
        house = access.actor().organization_id
        return lambda row: row.institution_name if self.rated_us(row, house) else row.buyer_name

    def rated_us(self, row: Any, _house: int | None) -> bool:
        """Whether the institution is the other side."""
        return bool(row.direction == TO_PROVIDER)

    def _tabs(self, *_args: Any) -> Sequence[dict[str, Any]]:
        """待评价, 对企业的评价, 我收到的评价: the three lists, one page each."""
        menu = _menu()
        if not menu:
            return []
        views = (WAITING, "GivenRatingView", "ReceivedRatingView")
        return [
            {
                "label": str(label),
                "count": "",
                "value": view,
                "url": url_for(f"{view}.list"),
                "active": view == type(self).__name__,
            }
            for view, label in zip(views, TABS[menu], strict=True)
        ]


class WaitingRatingView(RatingList):
    """待评价: the first page of 评价管理; what is not rated in time is closed, never praised."""

    route_base = "/ratings/waiting"
    list_columns = ("buyer_name", "title", "signed_on", "due_at")
    link_column = "title"
    filter_columns = ("signed_on",)
    order_columns = ("due_at", "id")
    base_order = ("due_at", "asc")

    def base_conditions(self) -> Sequence[Any]:
        """What waits for the reader's organization."""
        return [_rated_by_us(), Rating.state == "waiting", Rating.due_at > clock.now()]

    def _line(self, row: Any) -> dict[str, Any]:
        line = super()._line(row)
        if self.appbuilder.sm.has_access("can_rate", "RatingView"):
            url = url_for("RatingView.rate", pk=row.id)
            line["actions"] = [{"label": _("Rate"), "url": url}]
        return line


class GivenRatingView(RatingList):
    """对企业的评价, 我评价的: what the reader's organization said."""

    route_base = "/ratings/given"
    list_columns = ("buyer_name", "title", "score", "text", "rated_at", "reply", "state")
    link_column = "title"
    filter_columns = ("score", "rated_at")
    order_columns = ("id", "score", "rated_at")

    def base_conditions(self) -> Sequence[Any]:
        """Given, whether the other side reads it already or not."""
        return [_rated_by_us(), Rating.state.in_(("hidden_pair", "shown", "masked"))]


class ReceivedRatingView(RatingList):
    """我收到的评价: what the other side said; for a consultant, of his own services."""

    route_base = "/ratings/received"
    list_columns = ("buyer_name", "title", "score", "text", "rated_at", "reply")
    link_column = "title"
    filter_columns = ("score", "rated_at")
    order_columns = ("id", "score", "rated_at")

    @property
    def title(self) -> Any:  # type: ignore[override]
        """A consultant has this list alone."""
        return super().title if _menu() else _l("Ratings received")

    def base_conditions(self) -> Sequence[Any]:
        """What both sides may read by now."""
        who = access.actor()
        if who.consultant_id:
            ours: Any = Rating.consultant_id == who.consultant_id
        else:
            ours = or_(
                and_(Rating.organization_id == who.organization_id, _of(TO_PROVIDER)),
                and_(Rating.buyer_id == who.organization_id, _of(TO_BUYER)),
            )
        return [ours, Rating.state == "shown"]

    def rated_us(self, row: Any, _house: int | None) -> bool:
        """Of what was received, the writer is the other side."""
        return bool(row.direction == TO_BUYER)

    def _line(self, row: Any) -> dict[str, Any]:
        line = super()._line(row)
        if not row.reply and self.appbuilder.sm.has_access("can_reply", "RatingView"):
            url = url_for("RatingView.reply", pk=row.id)
            line["actions"] = [{"label": _("Reply"), "url": url}]
        return line


class RatingView(Sheets, BackOfficeView):
    """All ratings, for staff; the page of one, for everybody whom it concerns."""

    datamodel = SQLAInterface(Rating)
    route_base = "/ratings"
    title = _l("Rating management")
    base_permissions = [
        *("can_list", "can_show", "can_export", "can_rate", "can_reply", "can_hide"),
    ]
    include_route_methods = {
        *("list", "show", "export", "rate", "reply", "remark", "hide", "restore"),
    }
    list_columns = (
        "number", "title", "institution_name", "buyer_name", "direction", "score", "text",
        "rated_at", "state",
    )  # fmt: skip
    link_column = "title"
    show_columns = (
        "number", "title", "institution_name", "buyer_name", "direction", "signed_on", "due_at",
        "score", "scores", "text", "tags", "is_anonymous", "pictures", "rated_at",
        "reply", "reply_at", "remark", "remark_at", "hide_reason",
    )  # fmt: skip
    filter_columns = ("score", "rated_at", "direction")
    order_columns = ("id", "score", "rated_at")
    tab_column = "state"

    def row_may(self, _row: Any, _verb: str) -> bool:
        """Ratings are neither edited nor deleted."""
        return False

    def crumbs(self, *more: Any) -> Sequence[Any]:
        """Staff come by the list of all, the two sides by their own."""
        if self.may("list"):
            return super().crumbs(*more)
        start = (_("Workbench"), url_for("WorkbenchView.show"))
        menu = _menu()
        if not menu:
            return [start, (_("Ratings received"), url_for("ReceivedRatingView.list")), *more]
        label = _("Rating management") if menu == OURS else _("My transactions")
        return [start, (label, url_for(f"{WAITING}.list")), *more]

    def sections_of(self, row: Any, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """Without the lines that say nothing yet."""
        sections = super().sections_of(row, plain=plain)
        return [
            section
            | {
                "items": [
                    (cell, shown)
                    for cell, shown in section["items"]
                    if getattr(row, cell.path) not in (None, "", [])
                ]
            }
            for section in sections
        ]

    def buttons(self, row: Rating) -> Sequence[dict[str, Any]]:
        """What may still be done with a rating, by whom it concerns and by staff."""
        rules, now, found = _rules(), clock.now(), []

        def offer(verb: str, label: str, *, primary: bool = True) -> None:
            address = url_for(f".{verb}", pk=row.id)
            found.append({"label": label, "url": address, "method": "get", "primary": primary})

        if self.may("rate") and _is_ours(row) and row.state == "waiting" and row.due_at > now:
            offer("rate", _("Rate"))
        if self.may("reply") and row.state == "shown":
            said_at, shown_at = row.rated_at or now, row.shown_at or now
            if not _is_ours(row) and not row.reply and (now - shown_at).days < rules.reply_days:
                offer("reply", _("Reply"))
            if _is_ours(row) and not row.remark and (now - said_at).days < rules.remark_days:
                offer("remark", _("Add a later remark"))
        if self.may("hide") and row.state == "shown":
            offer("hide", _("Hide"), primary=False)
        if self.may("hide") and row.state == "masked":
            offer("restore", _("Show again"), primary=False)
        return found

    # --- the two sides ------------------------------------------------------------------------

    @expose("/rate/<pk>/", methods=["GET", "POST"])
    @has_access
    def rate(self, pk: str) -> Answer:
        """评价: stars in every dimension, none chosen beforehand."""
        row = self._ours(pk)
        if row.state != "waiting":
            flash(_("This has been rated already, or can no longer be rated."), "warning")
            return redirect(url_for(".show", pk=row.id))
        rules = _rules()
        to_provider = row.direction == TO_PROVIDER
        weights = ratings.weights_of(row.direction, rules)
        form = rate_form(row.direction, weights)(
            request.form if request.method == "POST" else None, obj=Rating()
        )
        name = row.institution_name if to_provider else row.buyer_name
        intro = ngettext(
            "%(service)s, signed on %(day)s. The other side reads your rating once it has rated "
            "too, or after %(num)d day.",
            "%(service)s, signed on %(day)s. The other side reads your rating once it has rated "
            "too, or after %(num)d days.",
            rules.pair_days,
            service=row.title,
            day=row.signed_on,
        )

        def act() -> str:
            who = access.actor().user_id or abort(403)
            ratings.rate(db.session(), row.id, _said(form, weights), who, rules, clock.now())
            flash(_("Thank you, your rating is kept."), "success")
            return url_for(".show", pk=row.id)

        title = _("Rate: %(name)s", name=name)
        sheet = Words(title, _("Submit the rating"), _back(row), self._way(row, _("Rate")), intro)
        return self.sheet(form, sheet, lambda: _needs_text(form, weights), act)

    @expose("/reply/<pk>/", methods=["GET", "POST"])
    @has_access
    def reply(self, pk: str) -> Answer:
        """回复: once."""
        row = self._theirs(pk)

        def keep(text: str) -> None:
            ratings.reply(db.session(), row.id, text, clock.now(), _rules().reply_days)

        return self._one_line(row, ReplyForm, _("Reply"), keep)

    @expose("/remark/<pk>/", methods=["GET", "POST"])
    @has_access
    @permission_name("reply")
    def remark(self, pk: str) -> Answer:
        """追加评价: once."""
        row = self._ours(pk)

        def keep(text: str) -> None:
            ratings.remark(db.session(), row.id, text, clock.now(), _rules().remark_days)

        return self._one_line(row, RemarkForm, _("Add a later remark"), keep)

    def _one_line(self, row: Rating, made: Any, label: str, keep: Any) -> Answer:
        form = made(request.form if request.method == "POST" else None)

        def act() -> str:
            keep(form["text"].data or "")
            flash(_("Saved."), "success")
            return url_for(".show", pk=row.id)

        intro = _("It is given once and cannot be changed afterwards.")
        sheet = Words(label, _("Submit"), _back(row), self._way(row, label), intro)
        return self.sheet(form, sheet, list, act)

    # --- staff --------------------------------------------------------------------------------

    @expose("/hide/<pk>/", methods=["GET", "POST"])
    @has_access
    def hide(self, pk: str) -> Answer:
        """平台隐藏."""
        row = self.row_or_404(pk)
        form = HideForm(request.form if request.method == "POST" else None)

        def act() -> str:
            reason, note = form["reason"].data or "", form["note"].data or ""
            ratings.hide(db.session(), row.id, reason, note, clock.now())
            flash(_("Hidden."), "success")
            return url_for(".show", pk=row.id)

        title = _("Hide: %(name)s", name=row)
        sheet = Words(title, _("Hide"), _back(row), self._way(row, _("Hide")))
        return self.sheet(form, sheet, list, act)

    @expose("/restore/<pk>/", methods=["GET", "POST"])
    @has_access
    @permission_name("hide")
    def restore(self, pk: str) -> Answer:
        """Show a hidden rating again."""
        row = self.row_or_404(pk)
        form = RestoreForm(request.form if request.method == "POST" else None)

        def act() -> str:
            ratings.restore(db.session(), row.id, form["note"].data or "", clock.now())
            flash(_("Shown again."), "success")
            return url_for(".show", pk=row.id)

        title = _("Show again: %(name)s", name=row)
        sheet = Words(title, _("Show again"), _back(row), self._way(row, _("Show again")))
        return self.sheet(form, sheet, list, act)

    # --- helpers ------------------------------------------------------------------------------

    def _ours(self, pk: str) -> Rating:
        """A rating of the reader's own side."""
        row: Rating = self.row_or_404(pk)
        return row if _is_ours(row) else abort(404)

    def _theirs(self, pk: str) -> Rating:
        """What the other side said of the reader's organization."""
        row: Rating = self.row_or_404(pk)
        return abort(404) if _is_ours(row) else row

    def _way(self, row: Rating, label: str) -> Sequence[Any]:
        return self.crumbs((str(row), url_for(".show", pk=row.id)), (label, ""))


def _of(direction: str) -> Any:
    return Rating.direction == direction


def _rated_by_us() -> Any:
    """That the reader's side speaks; of an ordinary user the buyer is no organization here."""
    house = access.actor().organization_id
    return or_(
        and_(Rating.organization_id == house, _of(TO_BUYER)),
        and_(Rating.buyer_id == house, _of(TO_PROVIDER)),
    )


def _is_ours(row: Rating) -> bool:
    who = access.actor()
    if who.kind == "ordinary":  # he sees none but those of what he asked for
        return bool(row.direction == TO_PROVIDER)
    speaker = row.buyer_id if row.direction == TO_PROVIDER else row.organization_id
    return who.organization_id is not None and speaker == who.organization_id


def _menu() -> str:
    """The entry by which the reader comes to the three lists; empty for who has but one."""
    if not has_request_context():  # FAB looks at every attribute when it sets the view up
        return OURS
    allowed = current_app.extensions["appbuilder"].sm.get_user_menu_access()
    return next((name for name in TABS if name in allowed), "")


def _rules() -> Any:
    return current_app.extensions["profile"].trade


def _back(row: Rating) -> str:
    return url_for(".show", pk=row.id)


# --- the form of a rating -----------------------------------------------------------------------


def rate_form(direction: str, weights: Mapping[str, int]) -> type[ModelForm]:
    """Stars for each dimension, then words, impressions and pictures."""
    stars = Choices(
        Choice(str(n), ngettext("%(num)d star", "%(num)d stars", n))
        for n in range(1, MOST_STARS + 1)
    )
    infos = {
        f"stars_{code}": FieldInfo(
            words().label("rating_dimension", code), kind="stars", choices=stars, required=True
        )
        for code in weights
    }
    fields: dict[str, Any] = {
        name: StarsField(info.label, [Declared(None, info)], validate_choice=False, coerce=_code)
        for name, info in infos.items()
    }
    group = "to_provider" if direction == TO_PROVIDER else "to_buyer"
    known = words().items("rating_tag")
    tags = Choices(Choice(item.code, item.label) for item in known if item.parent == group)
    more = {name: cell_at(Rating, name).info for name in ("text", "is_anonymous", "pictures")}
    infos |= {"tags": FieldInfo(_l("Impressions"), choices=tags, limit=5)}
    fields["tags"] = TermsField(
        infos["tags"].label, [Declared(None, infos["tags"])], validate_choice=False
    )
    if direction == TO_BUYER:
        more.pop("is_anonymous")  # nobody reads what an institution says but its buyer
    fields |= {name: field_for(Rating, name) for name in more}
    infos |= more
    named = {"model": Rating, "names": tuple(infos), "infos": infos, "lengths": {"text": 500}}
    return type("RateForm", (ModelForm,), fields | named)


def _code(value: Any) -> Any:
    return value or None


def _stars(form: ModelForm, weights: Mapping[str, int]) -> dict[str, int]:
    """What was chosen so far."""
    valid = {code for code, _label in offered(form.infos[form.names[0]])}
    chosen = {code: form[f"stars_{code}"].data for code in weights}
    return {code: int(data) for code, data in chosen.items() if data in valid}


def _needs_text(form: ModelForm, weights: Mapping[str, int]) -> Sequence[Problem]:
    """Who is not content says why."""
    stars = _stars(form, weights)
    if len(stars) < len(weights) or form["text"].data:
        return []
    if ratings.overall(stars, weights) > ratings.LOW:
        return []
    return [Problem("text", _("Say what went wrong: at 2 stars or less a comment is required."))]


def _said(form: ModelForm, weights: Mapping[str, int]) -> ratings.Said:
    return ratings.Said(
        stars=_stars(form, weights),
        text=form["text"].data or "",
        tags=tuple(form["tags"].data or ()),
        is_anonymous=bool("is_anonymous" in form.names and form["is_anonymous"].data),
        pictures=tuple(file.id for file in form["pictures"].data or ()),
    )
