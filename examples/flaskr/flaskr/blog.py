"""Posts: reading, writing, editing, deleting, with at most one picture each."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from . import pictures
from .auth import members_only
from .db import database

bp = Blueprint("blog", __name__)

TITLE_LENGTH = 120
BODY_LENGTH = 50_000
PICTURE_TEXT_LENGTH = 250

# The largest id that SQLite can hold: above it the address is simply wrong (404).
POST = "/posts/<int(max=9223372036854775807):post_id>"

COLUMNS = """
    SELECT post.*, member.name AS author
      FROM post JOIN member ON member.id = post.author_id
"""


@dataclass(frozen=True)
class Draft:
    """A post as its form sends it."""

    title: str = ""
    body: str = ""
    picture_text: str = ""
    drop_picture: bool = False

    @classmethod
    def from_form(cls) -> "Draft":
        """Read the request's form; line ends become plain newlines (browsers send CRLF)."""
        form = request.form
        return cls(
            title=" ".join(form.get("title", "").split()),
            body=form.get("body", "").replace("\r\n", "\n").strip(),
            picture_text=" ".join(form.get("picture_text", "").split()),
            drop_picture="drop_picture" in form,
        )

    def errors(self) -> dict[str, str]:
        """Field -> what to change; empty when the draft can be published."""
        found = {}
        if not self.title:
            found["title"] = "A post needs a title."
        elif len(self.title) > TITLE_LENGTH:
            found["title"] = f"Use {TITLE_LENGTH} characters at most."
        if not self.body:
            found["body"] = "Write at least a sentence."
        elif len(self.body) > BODY_LENGTH:
            found["body"] = f"Use {BODY_LENGTH:,} characters at most; these are {len(self.body):,}."
        if len(self.picture_text) > PICTURE_TEXT_LENGTH:
            found["picture_text"] = f"Use {PICTURE_TEXT_LENGTH} characters at most."
        return found


@bp.get("/")
def index() -> ResponseReturnValue:
    """The newest posts, a page at a time."""
    size = current_app.config["POSTS_PER_PAGE"]
    (count,) = database().execute("SELECT count(*) FROM post").fetchone()
    pages = max(1, -(-count // size))
    page = request.args.get("page", 1, type=int)
    if not 1 <= page <= pages:
        abort(404)
    posts = database().execute(COLUMNS + "ORDER BY post.id DESC LIMIT ? OFFSET ?", (size, (page - 1) * size))
    return render_template("blog/index.html", posts=posts.fetchall(), page=page, pages=pages)


@bp.get(POST)
def show(post_id: int) -> ResponseReturnValue:
    """One post in full."""
    return render_template("blog/show.html", post=find(post_id))


@bp.route("/posts/new", methods=["GET", "POST"])
@members_only
def write() -> ResponseReturnValue:
    """Publish a post."""
    if request.method == "GET":
        return render_template("blog/edit.html", post=None, draft=Draft(), errors={})
    draft = Draft.from_form()
    errors = draft.errors()
    with uploaded_picture(errors) as picture:
        if errors:
            return render_template("blog/edit.html", post=None, draft=draft, errors=errors), 422
        with database() as transaction:
            post_id = transaction.execute(
                "INSERT INTO post (author_id, title, body, picture, picture_text) VALUES (?, ?, ?, ?, ?)",
                (g.member["id"], draft.title, draft.body, picture, draft.picture_text),
            ).lastrowid
    flash("Your post is out.")
    return redirect(url_for("blog.show", post_id=post_id))


@bp.route(f"{POST}/edit", methods=["GET", "POST"])
@members_only
def edit(post_id: int) -> ResponseReturnValue:
    """Change a post of one's own."""
    post = find_own(post_id)
    if request.method == "GET":
        draft = Draft(post["title"], post["body"], post["picture_text"])
        return render_template("blog/edit.html", post=post, draft=draft, errors={})
    draft = Draft.from_form()
    errors = draft.errors()
    with uploaded_picture(errors) as new_picture:
        if errors:
            return render_template("blog/edit.html", post=post, draft=draft, errors=errors), 422
        picture = new_picture or (None if draft.drop_picture else post["picture"])
        with database() as transaction:
            transaction.execute(
                """UPDATE post SET title = ?, body = ?, picture = ?, picture_text = ?,
                       edited = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
                    WHERE id = ?""",
                (draft.title, draft.body, picture, draft.picture_text, post_id),
            )
    if picture != post["picture"]:
        pictures.discard(post["picture"])
    flash("Your changes are saved.")
    return redirect(url_for("blog.show", post_id=post_id))


@bp.post(f"{POST}/delete")
@members_only
def delete(post_id: int) -> ResponseReturnValue:
    """Take a post of one's own away, with its picture."""
    post = find_own(post_id)
    with database() as transaction:
        transaction.execute("DELETE FROM post WHERE id = ?", (post_id,))
    pictures.discard(post["picture"])
    flash("The post is gone.")
    return redirect(url_for("blog.index"))


@bp.get("/pictures/<name>")
def picture(name: str) -> Response:
    """The picture of a post."""
    return pictures.serve(name)


def find(post_id: int) -> sqlite3.Row:
    """The post with its author's name, or the 404 page."""
    post: sqlite3.Row | None = database().execute(COLUMNS + "WHERE post.id = ?", (post_id,)).fetchone()
    return post if post is not None else abort(404)


def find_own(post_id: int) -> sqlite3.Row:
    """The post if the member who asks has written it, or the 403 page."""
    post = find(post_id)
    return post if post["author_id"] == g.member["id"] else abort(403)


@contextmanager
def uploaded_picture(errors: dict[str, str]) -> Iterator[str | None]:
    """Store the form's picture while the block runs, and for good if the block ends well and without errors.

    Yields its name, or None when the form brought no picture.  A file that is no picture goes into `errors`.
    If the form has other errors, nothing is stored and the visitor is told to choose the file again,
    because a browser does not keep it.
    """
    upload = request.files.get("picture")
    name = None
    if upload is not None and upload.filename:
        if errors:
            errors["picture"] = "Please choose the picture again."
        else:
            try:
                name = pictures.keep(upload)
            except pictures.NotAPictureError:
                errors["picture"] = "This file is not a PNG, JPEG, GIF or WebP picture."
    try:
        yield name
    except BaseException:
        pictures.discard(name)
        raise


@bp.app_template_filter()
def paragraphs(text: str) -> list[str]:
    """Text as its author has parted it by blank lines."""
    return [part.strip("\n") for part in text.split("\n\n") if part.strip()]


@bp.app_template_filter()
def day(stamp: str) -> str:
    """A stored time as a reader likes it: 3 May 2026."""
    moment = datetime.fromisoformat(stamp)
    return f"{moment.day} {moment:%B %Y}"
