"""Announcements (公告): written by staff, read by everybody."""

from __future__ import annotations

from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import lazy_gettext as _l

from app import clock
from app.models import Announcement
from app.views.base import BackOfficeView


class AnnouncementView(BackOfficeView):
    """The worked example of CONTRIBUTING: a model, its columns, a page."""

    datamodel = SQLAInterface(Announcement)
    route_base = "/announcements"
    title = _l("Announcements")
    list_columns = ("title", "kind", "publish_at", "expire_at")
    show_columns = ("title", "kind", "summary", "publish_at", "expire_at", "body")
    form_columns = ("kind", "title", "summary", "body", "publish_at", "expire_at")
    filter_columns = ("kind", "publish_at")
    order_columns = ("publish_at", "id")
    base_order = ("publish_at", "desc")

    def new_row(self) -> Announcement:
        """A new announcement is published at once, unless another time is typed."""
        return Announcement(publish_at=clock.now())
