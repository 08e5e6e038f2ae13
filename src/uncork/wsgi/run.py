"""Call the application and carry its result to the wire (PEP 3333, "Specification Details").

    run
      app(environ, start_response)        user code
      _send                               list | bytes | file | any iterable
      result.close()                      exactly once, on every path

Runs in: worker (compiled by mypyc), in the thread that took the request.
"""

from collections.abc import Callable, Iterable
from typing import Any

from uncork.wsgi.environ import Environ
from uncork.wsgi.filewrapper import FileWrapper
from uncork.wsgi.response import BadResponse, Response

# An application is whatever answers this call; what it returns is checked at run time, by use.
Application = Callable[[Environ, Any], Iterable[bytes]]


def run(app: Application, environ: Environ, response: Response) -> None:
    """Serve one request: every chunk is on its way to the client before the next one is asked for.

    Raises whatever the application raises, BadResponse for what it may not do, and WriteError if the client is gone;
    close() has been called by then.
    """
    result = app(environ, response.start_response)
    try:
        _send(result, response)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()


def _send(result: Any, response: Response) -> None:
    if isinstance(result, bytes):
        # Not PEP 3333, but uWSGI takes it, and iterating bytes would give integers.
        response.write(result)
    elif isinstance(result, (list, tuple)):
        # Nobody can tell the chunks of a list apart by time, so they leave together.
        response.write(result[0] if len(result) == 1 and result[0] is not None else _joined(result))
    elif not (isinstance(result, FileWrapper) and response.send_file(result)):
        for chunk in result:
            # uWSGI skips None in an iterable; so do applications that yield while they wait.
            if chunk is not None:
                response.write(chunk)
    response.send_head()
    response.complete = True


def _joined(chunks: Any) -> bytes:
    """The chunks of a list or tuple in one piece, None left out.  Raises BadResponse for anything that is not bytes."""
    pieces: list[bytes] = []
    for chunk in chunks:
        if chunk is None:
            continue
        if not isinstance(chunk, bytes):
            raise BadResponse(f"the application returned {type(chunk).__name__} (expected bytes)")
        pieces.append(chunk)
    return b"".join(pieces)
