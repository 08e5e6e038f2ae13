"""Large bodies move in constant memory."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.conftest import Serve
from harness.nginx import Nginx
from harness.server import read_stats

TWO_GIGABYTES = 2 << 30
GROWTH = 20 << 20
FRONT = """
location / {{
    include uwsgi_params; uwsgi_pass unix:{run}/app.sock;
    uwsgi_request_buffering off; uwsgi_buffering off; uwsgi_read_timeout 100s;
}}
"""


def peak_memory(pid: int) -> int:
    """The most memory that `pid` ever had resident, in bytes (proc(5), VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def ask(port: int, head: str, upload: int = 0) -> int:
    """Send `head` and so many bytes of body; how many bytes the answer's body has, which is thrown away."""
    block = b"u" * (1 << 20)
    buffer = bytearray(1 << 20)
    with socket.create_connection(("127.0.0.1", port), 100) as sock:
        sock.sendall(head.encode())
        for _ in range(upload >> 20):
            sock.sendall(block)
        first = b""
        while b"\r\n\r\n" not in first:
            first += sock.recv(4096)
        head_text, _, body = first.partition(b"\r\n\r\n")
        assert b" 200 " in head_text, first
        total = len(body)
        if upload:
            while chunk := sock.recv(4096):
                body += chunk
            return int(body)
        while count := sock.recv_into(buffer):
            total += count
    return total


@pytest.mark.timeout(180)
def test_two_gigabytes_each_way_in_constant_memory(serve: Serve, nginx: Callable[[str], Nginx], run: Path) -> None:
    """A 2 GB upload, a 2 GB stream and a 2 GB file through nginx let the worker grow by less than 20 MB."""
    serve("--socket", f"{run}/app.sock", "--chmod-socket=666", "--module", "bodies", "--stats", f"{run}/stats.sock")
    front = nginx(FRONT.format(run=run))
    (pid,) = [worker["pid"] for worker in read_stats(f"{run}/stats.sock")["workers"]]
    # Two megabytes each way first: what the buffers of one request take belongs to the size of a worker.
    ask(front.port, "GET /stream?2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    before = peak_memory(pid)
    with (run / "large").open("wb") as file:
        file.truncate(TWO_GIGABYTES)

    post = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {TWO_GIGABYTES}\r\n\r\n"
    assert ask(front.port, post, TWO_GIGABYTES) == TWO_GIGABYTES
    for path in ("/stream?2048", f"/file?{run}/large"):
        assert ask(front.port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == TWO_GIGABYTES
    assert peak_memory(pid) - before < GROWTH
