"""Profiles: the park is exactly the service supermarket; one may extend another."""

from __future__ import annotations

import re

import pytest

from app import cli, create_app, profile
from app.profile import FOLDER, ProfileError, load, parse
from app.services.demo import PASSWORD
from tests.conftest import TEST_CODE

MENUS = {
    "operator": [
        "工作台", "我的待办", "待我审批", "我的申请", "已办",
        "机构管理", "服务机构", "入驻申请", "促进会会员", "顾问管理", "服务顾问", "邀请记录",
        "产品管理", "常规产品目录", "常规产品上架", "特色产品", "产品池", "服务类别",
        "需求管理", "全部需求", "待分派", "超时需求", "交易备案", "评价管理", "活动备案",
        "活跃度", "排名", "积分流水", "评分规则", "企业管理", "企业名录", "企业认证", "信息变更",
        "公告", "统计分析", "系统管理", "协议管理", "定时任务", "消息发送记录", "消息中心",
    ],
    "institution": [
        "工作台", "我的待办", "待我审批", "已办", "机构信息", "顾问管理",
        "产品管理", "常规服务产品", "特色服务产品", "需求管理", "交易备案", "评价管理", "活动备案",
        "活跃度排名", "我的申请", "用户管理", "消息中心",
    ],
    "enterprise": [
        "工作台", "我的待办", "待我审批", "已办", "我的企业", "角色认证", "我的需求", "我的交易",
        "我的申请", "用户管理", "消息中心",
    ],
    "visitor": [
        "工作台", "我的企业", "角色认证", "我的需求", "我的交易", "我的申请", "消息中心",
    ],
    "consultant": [
        "工作台", "我的资料", "需求管理", "交易备案", "我收到的评价", "活跃度排名", "消息中心",
    ],
    "association": ["工作台", "我的待办", "待我审批", "已办", "入会申请", "会员管理", "消息中心"],
}  # fmt: skip
"""The menus of the service supermarket in the manual's words (forms.md 6, park)."""


@pytest.fixture
def park(tmp_path, monkeypatch):
    """A new installation of the park."""
    monkeypatch.setenv("QIFU_PROFILE", "park")
    monkeypatch.setenv("QIFU_TEST_CODE", TEST_CODE)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/park.db")
    monkeypatch.setenv("STORAGE_URL", str(tmp_path / "uploads"))
    app = create_app(TESTING=True, WTF_CSRF_ENABLED=False, MAIL_BACKEND="locmem")
    cli.set_up(app)
    return app


def menu_of(app, username):
    client = app.test_client()
    typed = {"username": username, "password": PASSWORD, "captcha": TEST_CODE}
    assert client.post("/login/", data=typed).status_code == 302
    page = client.get("/workbench/").text
    assert "企业服务超市" in page
    side = page[page.index('aria-label="主菜单"') :]
    side = side[: side.index("</nav>")]
    links = re.findall(r"<a [^>]*>(.*?)</a>", side, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", link).strip() for link in links]


def test_an_installation_of_the_park_is_the_service_supermarket(park):
    """Its name, its menus word for word, its rule of registration, its accounts."""
    assert {name: menu_of(park, name) for name in MENUS} == MENUS
    assert 'name="in_park"' in park.test_client().get("/register/").text
    printed = cli.demo_accounts("park")
    assert "bureau" not in printed
    assert "association" in printed
    assert park.test_client().get("/").status_code == 200
    roles = load("park").roles
    assert str(roles["operator"].title) == "Supermarket administrator"
    assert "bureau" not in roles
    assert {stage.who for route in load("park").routes.values() for stage in route} == {
        "role:operator", "role:association", "main_account",
    }  # fmt: skip


def test_every_profile_is_whole():
    assert profile.names() == ["demo", "park"]
    for name in profile.names():
        assert load(name).name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('extends = "nowhere"', "which is no profile to extend"),
        ('extends = "mine"', "which is no profile to extend"),
        ('extends = "demo"\nwithout = ["roles.nobody"]', "without names 'roles.nobody'"),
        ('extends = "demo"\n[register]\nrule = "moon"', "register.rule"),
        ('extends = "demo"\n[roles.operator]\ntitle = "Unheard of"', "Unheard of"),
    ],
)
def test_a_faulty_profile_says_what_is_wrong(text, said):
    with pytest.raises(ProfileError, match=re.escape(said)):
        parse("mine", text)


def test_a_table_is_merged_and_a_list_replaced():
    own = parse("mine", 'extends = "demo"\n[limits]\nexpiry_reminder_days = [5]')
    assert own.limits.expiry_reminder_days == (5,)
    assert own.limits.accreditation_years == load("demo").limits.accreditation_years
    assert (FOLDER / "park.toml").stat().st_size < (FOLDER / "demo.toml").stat().st_size
