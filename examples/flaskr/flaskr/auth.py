"""Members: signing up, logging in and out, and who is asking."""

import functools
import re
import secrets
import sqlite3
import unicodedata
from collections.abc import Callable
from typing import ParamSpec

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.security import check_password_hash, generate_password_hash

from .db import database

bp = Blueprint("auth", __name__, url_prefix="/auth")

View = ParamSpec("View")

NAME = re.compile(r"[\w.-]{2,32}")
# NIST SP 800-63B, section 3.1.1: 8 at least; an upper bound keeps hashing cheap.
PASSWORD_LENGTH = range(8, 257)

# Files ask nobody's name, so they open neither the session nor the database.
FILES = frozenset({"static", "blog.picture"})


@bp.before_app_request
def recognise() -> None:
    """Put the member who asks into `g.member`, or None."""
    g.member = None
    if request.endpoint not in FILES and "member_id" in session:
        g.member = database().execute("SELECT id, name FROM member WHERE id = ?", (session["member_id"],)).fetchone()


def members_only(view: Callable[View, ResponseReturnValue]) -> Callable[View, ResponseReturnValue]:
    """Send everybody else to the login page, and from there back to where they were going."""

    @functools.wraps(view)
    def guarded(*args: View.args, **kwargs: View.kwargs) -> ResponseReturnValue:
        if g.member is not None:
            return view(*args, **kwargs)
        if request.method == "GET" and request.endpoint:
            # Kept in the session and not in the address, where anybody could write another site's.
            session["heading_for"] = (request.endpoint, request.view_args)
        flash("Please log in first.")
        return redirect(url_for("auth.login"))

    return guarded


@bp.route("/signup", methods=["GET", "POST"])
def signup() -> ResponseReturnValue:
    """Make an account and log it in."""
    if request.method == "GET":
        return render_template("auth/signup.html", errors={}, username="")
    username = unicodedata.normalize("NFKC", request.form.get("username", "")).strip()
    password = request.form.get("password", "")
    errors = {}
    if not NAME.fullmatch(username):
        errors["username"] = "Use 2 to 32 letters, digits, dots, dashes or underscores."
    if len(password) not in PASSWORD_LENGTH:
        errors["password"] = f"Use {PASSWORD_LENGTH.start} to {PASSWORD_LENGTH.stop - 1} characters."
    if not errors:
        member_id = add_member(username, password)
        if member_id is not None:
            return enter(member_id, f"Welcome, {username}. What will you write first?")
        errors["username"] = "Somebody has this name already."
    return render_template("auth/signup.html", errors=errors, username=username), 422


def add_member(name: str, password: str) -> int | None:
    """Store a new member and return the id, None if the name is taken."""
    try:
        # The table's own rule decides: a look-up first would leave a gap between two processes.
        with database() as transaction:
            return transaction.execute(
                "INSERT INTO member (name, name_key, password_hash) VALUES (?, ?, ?)",
                (name, name.casefold(), generate_password_hash(password)),
            ).lastrowid
    except sqlite3.IntegrityError:
        return None


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Log a member in."""
    if request.method == "GET":
        return render_template("auth/login.html", errors={}, username="")
    username = unicodedata.normalize("NFKC", request.form.get("username", "")).strip()
    member = (
        database()
        .execute("SELECT id, name, password_hash FROM member WHERE name_key = ?", (username.casefold(),))
        .fetchone()
    )
    # An unknown name costs as much time as a wrong password, so the clock does not tell who is a member.
    known = member["password_hash"] if member is not None else nobodys_hash()
    password = request.form.get("password", "")[: PASSWORD_LENGTH.stop]
    if check_password_hash(known, password) and member is not None:
        return enter(member["id"], f"Good to see you, {member['name']}.")
    errors = {"password": "This name and this password do not belong together."}
    return render_template("auth/login.html", errors=errors, username=username), 422


@functools.cache
def nobodys_hash() -> str:
    """The hash of a password that nobody knows."""
    return generate_password_hash(secrets.token_hex(16))


def enter(member_id: int, greeting: str) -> ResponseReturnValue:
    """Begin a new session for a member, so that nothing of the old one can be used again."""
    endpoint, arguments = session.get("heading_for", ("blog.index", {}))
    session.clear()
    session["member_id"] = member_id
    flash(greeting)
    return redirect(url_for(endpoint, **arguments))


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session.  By POST only: a link that logs out could be planted in any page."""
    session.clear()
    flash("You are logged out. Come back soon.")
    return redirect(url_for("blog.index"))
