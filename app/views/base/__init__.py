"""The generated pages: what a menu module imports."""

from app.views.base.page import Page
from app.views.base.view import BackOfficeView

__all__ = ["BackOfficeView", "Page"]
