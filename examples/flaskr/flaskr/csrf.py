"""Every form carries a token that only this visitor's session knows, so no other site can post in their name."""

import secrets

from flask import request, session
from werkzeug.exceptions import BadRequest

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, section 9.2.1


class FormExpired(BadRequest):
    """The form's token is missing or belongs to another session: answered with status 400."""

    description = "The form is from an older visit. Go back, reload the page and send it once more."


def token() -> str:
    """This session's token, made when the first form asks for it."""
    if "csrf_token" not in session:
        session["csrf_token"] = secrets.token_urlsafe(32)
    value: str = session["csrf_token"]
    return value


def check() -> None:
    """Let a request through that changes nothing or brings its session's token; raises FormExpired for any other."""
    # Without an endpoint no view will run: the answer is going to be 404 or 405, and should stay that.
    if request.method in SAFE_METHODS or request.endpoint is None:
        return
    expected = session.get("csrf_token", "")
    # Bytes, because compare_digest refuses text beyond ASCII, which anybody may send.
    sent = request.form.get("csrf_token", "").encode()
    if not expected or not secrets.compare_digest(sent, expected.encode()):
        raise FormExpired
