"""Where demands are dealt with, as a request reaches it."""

from __future__ import annotations

from flask import current_app

from app import clock
from app.extensions import db
from app.security import calendar
from app.services.demands import Office


def office() -> Office:
    """For this request, at this moment."""
    rules = current_app.extensions["profile"].demands
    return Office(db.session(), rules, calendar(), clock.now())
