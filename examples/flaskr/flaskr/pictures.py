"""Pictures of posts: taken in, kept and served.

A visitor's file name and content type are never believed.  The first bytes say what the file is, and the name is ours.
"""

import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from flask import Response, abort, current_app, send_from_directory
from werkzeug.datastructures import FileStorage


class Kind(NamedTuple):
    """One accepted kind: how such a file begins, and its media type (RFC 9110, section 8.3)."""

    signature: re.Pattern[bytes]
    mimetype: str


# By suffix; signatures as in the WHATWG's MIME Sniffing standard, section 6.1.
KINDS = {
    ".png": Kind(re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    ".jpg": Kind(re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    ".gif": Kind(re.compile(rb"GIF8[79]a"), "image/gif"),
    ".webp": Kind(re.compile(rb"RIFF.{4}WEBPVP", re.DOTALL), "image/webp"),
}
LONGEST_SIGNATURE = 14

# A name is never given twice, so browsers may keep a picture for the longest customary time: one year, in seconds.
CACHE_SECONDS = 365 * 24 * 3600


class NotAPictureError(ValueError):
    """The file is none of the accepted kinds."""


def folder() -> Path:
    """Where the pictures are; made at the first call."""
    path = Path(current_app.instance_path) / "pictures"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def sniff(head: bytes) -> str | None:
    """The suffix for a file that begins with `head`, None if it is no picture we accept."""
    return next((suffix for suffix, kind in KINDS.items() if kind.signature.match(head)), None)


def keep(upload: FileStorage) -> str:
    """Store an uploaded picture with mode 0600 and return its new name; raises NotAPictureError."""
    suffix = sniff(upload.stream.read(LONGEST_SIGNATURE))
    if suffix is None:
        raise NotAPictureError
    upload.stream.seek(0)
    name = secrets.token_hex(16) + suffix
    descriptor = os.open(folder() / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            upload.save(file)
    except BaseException:
        discard(name)
        raise
    return name


def discard(name: str | None) -> None:
    """Remove a picture that no post shows any more."""
    if name is not None:
        (folder() / name).unlink(missing_ok=True)


def serve(name: str) -> Response:
    """Send a picture; the server moves the file's bytes itself (wsgi.file_wrapper) where it can."""
    kind = KINDS.get(Path(name).suffix)
    if kind is None:
        abort(404)
    return send_from_directory(folder(), name, mimetype=kind.mimetype, max_age=CACHE_SECONDS)


def size_limit() -> str:
    """The largest upload, as a person says it: 8 MB."""
    size: int | None = current_app.config["MAX_CONTENT_LENGTH"]
    if size is None:
        return "any size"
    return f"{size / 1024**2:.3g} MB" if size >= 1024**2 else f"{size / 1024:.3g} kB"
