"""What goes wrong."""

from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from .routes import SECRET, TEXT, query, route, unchecked


@unchecked("/raise")
def raise_at_once(_environ: WSGIEnvironment, _start_response: StartResponse) -> list[bytes]:
    raise RuntimeError(SECRET)


@unchecked("/raise-after-start")
def raise_after_start(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response(query(environ)["line"], [("X-Never-Sent", SECRET)])
    raise RuntimeError(SECRET)


@route("/raise-later")
def raise_later(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [*TEXT, ("Content-Length", "1000")])
    yield b"first"
    raise RuntimeError(SECRET)


@unchecked("/exit")
def leave(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Raises what is no Exception."""
    raise {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt, "GeneratorExit": GeneratorExit}[
        query(environ)["what"]
    ](SECRET)


# CR, LF and NUL in every place of a head; the rest of the text shows what got through.
BAD_HEADS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    f"{name} in the {place}": (
        f"200 OK{character}Smuggled: 1" if place == "status" else "200 OK",
        [
            ("X-Good", "1"),
            (
                f"X-Name{character}Smuggled" if place == "name" else "X-Name",
                f"value{character}Smuggled: 1" if place == "value" else "value",
            ),
        ],
    )
    for name, character in {"CR": "\r", "LF": "\n", "NUL": "\0", "CRLF": "\r\n"}.items()
    for place in ("status", "name", "value")
}


@unchecked("/bad-head")
def bad_head(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response(*BAD_HEADS[query(environ)["case"]])
    return [b"Smuggled"]


BAD_CALLS: dict[str, Callable[[Any], Any]] = {
    "a str in a list": lambda start: start("200 OK", TEXT) and ["Smuggled"],
    "a str among chunks": lambda start: start("200 OK", TEXT) and (chunk for chunk in ("Smuggled",)),
    "two str in a list": lambda start: start("200 OK", TEXT) and ["Smuggled", "Smuggled"],
    "a number": lambda start: start("200 OK", TEXT) and 17,
    "nothing": lambda start: start("200 OK", TEXT) and None,
    "no start_response": lambda _start: [b"Smuggled"],
    "start_response twice": lambda start: start("200 OK", TEXT) and start("200 OK", TEXT) and [b"Smuggled"],
    "a status of bytes": lambda start: start(b"200 OK", TEXT) and [b"Smuggled"],
    "no status": lambda start: start("OK", TEXT) and [b"Smuggled"],
    "a header of bytes": lambda start: start("200 OK", [(b"X", b"1")]) and [b"Smuggled"],
    "a header of three": lambda start: start("200 OK", [("X", "1", "2")]) and [b"Smuggled"],
    "a header beyond latin-1": lambda start: start("200 OK", [("X", "\u20ac")]) and [b"Smuggled"],
}


@unchecked("/bad-call")
def bad_call(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
    return BAD_CALLS[query(environ)["case"]](start_response)
