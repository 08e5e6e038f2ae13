"""Error pages in the look of the site."""

from flask import Flask, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from .pictures import size_limit

# Status -> headline, explanation.  A status that is not here shows its own name and description.
PAGES = {
    400: ("That form is no longer valid", None),
    403: ("This one is not yours", "Only the author of a post can change it or take it away."),
    404: ("Nothing here", "This page has moved, was taken away, or never existed."),
    413: ("That is too much at once", "Together, text and picture may weigh {limit}. Try a smaller picture."),
    500: ("Something broke", "The fault is ours, and it is written down in the server's log. Please try again later."),
}


def register(app: Flask) -> None:
    """Answer every HTTP error of `app` with a page; Flask turns an unhandled exception into status 500 first."""
    app.register_error_handler(HTTPException, page)


def page(error: HTTPException) -> ResponseReturnValue:
    """The page for one error.  Must not open the database: that may be what has failed."""
    code = error.code or 500
    headline, explanation = PAGES.get(code, (error.name, None))
    if explanation is None:
        explanation = error.description or ""
    elif code == 413:
        explanation = explanation.format(limit=size_limit())
    # Keep what the status calls for, such as Allow with 405.
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    return render_template("error.html", code=code, headline=headline, explanation=explanation), code, headers
