"""nginx's own view of a long load."""

from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.conftest import Serve
from harness.load import Load
from harness.nginx import Nginx
from harness.server import read_stats

REQUESTS = 100_000
FRONT = "location / {{ include uwsgi_params; uwsgi_pass unix:{run}/app.sock; }}"


@pytest.mark.timeout(180)
def test_a_hundred_thousand_requests_are_all_answered(serve: Serve, nginx: Callable[[str], Nginx], run: Path) -> None:
    """100,000 requests on 4 workers over 64 connections give 100,000 times 200, by nginx's log and by ours."""
    serve(
        *("--socket", f"{run}/app.sock", "--chmod-socket=666", "--module", "plain", "--processes", "4"),
        *("--stats", f"{run}/stats.sock", "--disable-logging"),
    )
    front = nginx(FRONT.format(run=run))
    result = Load(front.port, "/pid", REQUESTS, 64).result(170)

    assert result["status"] == {"200": REQUESTS}
    assert result["broken"] == 0
    assert (front.run / "access.log").read_text().count('" 200 ') == REQUESTS
    assert "error" not in front.errors()
    assert sum(worker["requests"] for worker in read_stats(f"{run}/stats.sock")["workers"]) == REQUESTS
