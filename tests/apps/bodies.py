"""Large bodies: `POST /` answers how many bytes came, `/stream?N` sends N megabytes, `/file?PATH` sends a file."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

MEGABYTE = b"x" * (1 << 20)


def stream(megabytes: int) -> Iterator[bytes]:
    """So many megabytes, one at a time."""
    for _ in range(megabytes):
        yield MEGABYTE


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """See the module."""
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if environ["REQUEST_METHOD"] == "POST":
        total = 0
        while block := environ["wsgi.input"].read(65536):
            total += len(block)
        body = str(total).encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]
    if path == "/file":
        start_response("200 OK", [("Content-Length", str(Path(query).stat().st_size))])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](Path(query).open("rb"))  # noqa: SIM115
        return wrapped
    start_response("200 OK", [("Content-Length", str(int(query) << 20))])
    return stream(int(query))
