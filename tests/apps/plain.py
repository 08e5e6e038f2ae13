"""Small apps for process tests: who served, wait, fail."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """`/pid`: the worker; `/hold?FILE`: touch FILE.in, answer once FILE exists; `/boom`: raise; `/env?NAME`."""
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/boom":
        raise RuntimeError("boom")
    if path == "/hold":
        Path(query + ".in").touch()
        while not Path(query).exists():
            time.sleep(0.01)
    body = os.environ.get(query, "") if path == "/env" else f"{os.getpid()} {threading.get_native_id()}"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]
