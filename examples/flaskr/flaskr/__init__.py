"""Flaskr: a small blog, and a guest to show the way from nginx through the application server to Flask.

Served as `flaskr:app` or as `flaskr:create_app()`, at `/` or below any prefix.  Importing it touches the instance
folder only (the secret key); the database opens with the first request, so no connection is carried through a fork.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response

from . import auth, blog, chain, csrf, db, errors, instance, mount, pictures

# Everything the pages need comes from this site itself, and nobody may frame them.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

DEFAULTS = {
    # The largest request body, in bytes: one picture and its text.  nginx needs a client_max_body_size above it.
    "MAX_CONTENT_LENGTH": 8 * 1024 * 1024,
    "POSTS_PER_PAGE": 5,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
}


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the blog; `config` wins over `FLASKR_...` variables of the environment, these win over DEFAULTS.

    `INSTANCE` (or `FLASKR_INSTANCE`) is the folder of the database, the pictures and the secret key;
    without it they go to Flask's own place, `instance/` beside the package.

    Raises OSError, with a note what to do, when that folder cannot be written.
    """
    given = dict(config or {})
    folder = given.get("INSTANCE") or os.environ.get("FLASKR_INSTANCE")
    app = Flask(__name__, instance_path=os.path.abspath(folder) if folder else None)
    app.config.from_mapping(DEFAULTS)
    app.config.from_prefixed_env("FLASKR")
    app.config.from_mapping(given)

    home = Path(app.instance_path)
    instance.prepare(home)
    app.secret_key = app.config["SECRET_KEY"] or instance.secret_key(home)
    app.session_interface = mount.MountedSessions()

    app.register_blueprint(auth.bp)
    app.register_blueprint(blog.bp)
    app.before_request(csrf.check)
    app.after_request(add_security_headers)
    app.teardown_appcontext(db.close)
    app.add_template_global(csrf.token, "csrf_token")
    app.add_template_global(chain.of_this_request, "request_chain")
    app.add_template_global(pictures.size_limit, "picture_limit")
    errors.register(app)
    return app


def add_security_headers(response: Response) -> Response:
    """Give every answer the headers above, unless a page has set its own."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


app = create_app()
