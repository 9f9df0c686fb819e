"""单位与人员: the authorities that staff belong to, set up by the security administrator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import lazy_gettext as _l

from app import choices, clock
from app.columns import Choices, FieldInfo
from app.models import Organization, OrgRole
from app.services.institutions import normal_code
from app.views.base import BackOfficeView
from app.views.base.cells import Cell
from app.views.base.fields import TermField
from app.views.base.forms import Declared, ModelForm, form_for

STATE_ORGANS = "92"  # 国家机构, of the classification of industries
KIND = FieldInfo(
    _l("Kind of authority"),
    required=True,
    choices=Choices(choices.ORGANIZATION_ROLES.of(code) for code in choices.AUTHORITIES),
    hint=_l("A city bureau's accounts see the region chosen above"),
)


class AuthorityView(BackOfficeView):
    """Added once; contact data are changed among the organizations."""

    datamodel = SQLAInterface(Organization)
    route_base = "/authorities"
    title = _l("Authorities")
    list_columns = ("name", "region", "credit_code", "contact_name", "contact_phone", "created_at")
    form_columns = (
        "name", "credit_code", "region", "address", "contact_name", "contact_phone",
    )  # fmt: skip
    show_columns = (*form_columns, "created_at")
    filter_columns = ("region",)
    order_columns = ("id", "name")
    base_permissions = ["can_list", "can_show", "can_add"]
    include_route_methods = {"list", "show", "add", "options"}

    def _init_forms(self) -> None:
        """What kind it is stands beside its columns."""
        plain = form_for(self.model, self.form_columns)
        kind = TermField(KIND.label, [Declared(None, KIND)], validate_choice=False)
        self.form_columns = (*self.form_columns, "kind")
        more = {"kind": kind, "names": self.form_columns, "infos": {**plain.infos, "kind": KIND}}
        self.form_class = type("AuthorityForm", (plain, ModelForm), more)

    def base_conditions(self) -> Sequence[Any]:
        """Authorities alone."""
        return [Organization.roles.any(OrgRole.role.in_(choices.AUTHORITIES))]

    def prepare(self, row: Any) -> None:
        """An authority from today on."""
        now = clock.now()
        row.credit_code = normal_code(row.credit_code)
        row.industry, row.created_at = STATE_ORGANS, now
        row.roles = [OrgRole(role=row.kind, valid_from=clock.local_day(now))]

    def sections_of(self, row: Any, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """Its data, and what it is."""
        sections = list(super().sections_of(row, plain=plain))
        titles = [choices.ORGANIZATION_ROLES.of(role.role).label for role in row.roles]
        cell = Cell("kind", KIND, "text", None)
        sections[0]["items"].append((cell, cell.show("、".join(str(title) for title in titles))))
        return sections
