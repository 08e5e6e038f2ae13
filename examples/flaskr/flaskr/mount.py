"""Session cookies that stay below the prefix where the app is mounted.

The prefix is SCRIPT_NAME (PEP 3333), known only with a request: the same process may serve `/` and `/bbb`.
"""

import re

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface


class MountedSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, with path and name by mount, and `Secure` whenever the page came by https."""

    def get_cookie_path(self, app: Flask) -> str:
        """The mount itself, so that another app of the same host never receives this cookie."""
        return app.config["SESSION_COOKIE_PATH"] or request.script_root or "/"

    def get_cookie_name(self, app: Flask) -> str:
        """One name per mount: a cookie of `/` also reaches `/bbb`, and must not be taken for one of `/bbb`."""
        return super().get_cookie_name(app) + re.sub(r"[^A-Za-z0-9]", "_", request.script_root)

    def get_cookie_secure(self, app: Flask) -> bool:
        """As configured, and always behind TLS (nginx says so by the HTTPS parameter)."""
        return request.is_secure or super().get_cookie_secure(app)
