"""Qifu (企服台): the back office of service platforms for small and medium enterprises."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def create_app(**overrides: Any) -> Flask:
    """The application, from the environment; ``overrides`` are Flask settings for tests.

    :raises app.config.Misconfigured: when the environment is unsafe or unknown.
    """
    from sqlalchemy.orm import Session, scoped_session, sessionmaker

    from app import cli, config, profile, security, storage
    from app.extensions import (
        compress,
        csrf,
        db,
        mail,
        migrate,
        prepare_sqlite,
        talisman,
        wait_no_longer,
    )
    from app.flows import workflow
    from app.services import accounts

    settings = config.from_environment()
    app = Flask(__name__)
    if settings.proxies:  # else all readers come from the proxy's address, and are locked as one
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies)
    app.config.update(settings.flask() | overrides)
    app.extensions["settings"] = settings
    try:
        app.extensions["store"] = storage.Store(settings.storage_url)
    except ValueError as fault:
        raise config.Misconfigured(str(fault)) from None
    app.extensions["profile"] = profile.load(settings.profile)
    db.init_app(app)
    migrate.init_app(app, db, compare_type=True, render_as_batch=True)
    app.before_request(wait_no_longer)  # before anything is read of the body
    security.install(app)  # first: whoever refuses a request shows its reader a page
    csrf.init_app(app)
    mail.init_app(app)
    compress.init_app(app)
    talisman.init_app(app, **HEADERS, force_https=False, session_cookie_secure=settings.is_secure)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            prepare_sqlite(db.engine)
        security.watch_rights()
        accounts.guard_roles()
        app.extensions["workflow"] = workflow(app.extensions["profile"])
        from app.views import register

        # FAB's own session: rights are seeded through it, no request uses it.
        fab_session = scoped_session(sessionmaker(db.engine, class_=Session))
        register(app, fab_session)

    @app.teardown_appcontext
    def _release(_error: BaseException | None) -> None:
        fab_session.remove()

    if settings.is_production:
        cli.refuse_demo_accounts(app)
    return app


HEADERS: dict[str, Any] = {
    "content_security_policy": {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "frame-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    },
    "content_security_policy_nonce_in": ["script-src", "style-src"],
    "frame_options": "DENY",
    "referrer_policy": "same-origin",
    "strict_transport_security": False,
}
