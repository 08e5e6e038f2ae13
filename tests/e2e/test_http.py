"""HTTP without nginx: http-socket, http and http11-socket, with all that holds for uwsgi sockets."""

import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Deploy, Serve
from harness import http as harness_http
from harness import uwsgi
from harness.nginx import Nginx
from harness.pace import Pace
from harness.processes import PATIENCE
from harness.server import Server, free_port, read_stats
from harness.site import Site
from harness.uwsgi import Answer, variables

CONTRACT = ("--module", "contract:application")


def ask(address: str, request: bytes) -> Answer:
    """The whole answer to `request`, as it is."""
    return uwsgi.exchange(address, request)


def get(address: str, path: str = "/", method: str = "GET", **extra: str) -> Answer:
    """The answer to a request with these variables."""
    return ask(address, harness_http.encode(variables(path, method, **extra)))


def environ(address: str, **extra: str) -> dict[str, Any]:
    """What the application is given."""
    shown = json.loads(get(address, "/environ?a=1", **extra).body)
    return {key: value for key, (_, value) in shown.items()}


def app_ini(run: Path, *lines: str) -> list[str]:
    """The arguments for a configuration with these lines."""
    (run / "app.ini").write_text("\n".join(["[uwsgi]", *lines, ""]))
    return ["--ini", str(run / "app.ini")]


@pytest.fixture
def port() -> int:
    """A free one."""
    return free_port()


@pytest.fixture
def address(port: int) -> str:
    """The server's."""
    return f"127.0.0.1:{port}"


# ---- a configuration of the wild


@pytest.mark.parametrize("option", ["http-socket", "http", "http11-socket", "httprouter"])
def test_only_an_http_socket(serve: Serve, run: Path, port: int, option: str) -> None:
    """A configuration with no other socket starts, warns of nothing, and answers Python's client and curl."""
    server = serve(*app_ini(run, f"{option} = :{port}", "module = contract:application", "master = true"))
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    client.request("POST", "/read-all", b"body" * 1000, {"Content-Type": "text/plain"})
    answer = client.getresponse()
    assert (answer.status, answer.version, answer.read()) == (200, 11, b"body" * 1000)
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Date"].endswith(" GMT")
    client.close()

    curl = ["curl", "-sS", "--max-time", "20", f"http://127.0.0.1:{port}/hello"]
    assert subprocess.run(curl, capture_output=True, check=True).stdout == b"hello\n"
    assert f"bound to TCP address :{port}" in server.text()
    assert "has no effect" not in server.text()
    assert "does nothing" not in server.text()


@pytest.mark.parametrize("option", ["protocol", "socket-protocol"])
def test_socket_may_speak_http(serve: Serve, run: Path, address: str, option: str) -> None:
    """`protocol = http` makes `socket` speak it, a file as well as a port."""
    serve(*app_ini(run, f"{option} = http", f"socket = {address}", f"socket = {run}/h.sock", "module = plain"))
    for each in (address, f"{run}/h.sock"):
        assert get(each).status == "HTTP/1.1 200 OK"


def test_every_kind_of_socket_beside_the_others(serve: Serve, run: Path) -> None:
    """Each speaks its own protocol; the statistics have them in the order of the configuration."""
    ports = [free_port() for _ in range(3)]
    lines = [
        f"http-socket = 127.0.0.1:{ports[0]}",
        f"socket = {run}/u.sock",
        f"http11-socket = 127.0.0.1:{ports[1]}",
        f"socket = 127.0.0.1:{ports[2]}",
        f"http = {run}/h.sock",
        f"http-socket = @uncork-e2e-{os.getpid()}",
    ]
    serve(*app_ini(run, *lines, "module = plain", f"stats = {run}/stats.sock"))
    for each in (f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", f"{run}/h.sock", f"@uncork-e2e-{os.getpid()}"):
        assert get(each).code == 200
    for each in (f"{run}/u.sock", f"127.0.0.1:{ports[2]}"):
        assert uwsgi.get(each).code == 200
    found = [(sock["name"], sock["proto"]) for sock in read_stats(f"{run}/stats.sock")["sockets"]]
    assert found == [
        (f"127.0.0.1:{ports[0]}", "http"),
        (f"{run}/u.sock", "uwsgi"),
        (f"127.0.0.1:{ports[1]}", "http11"),
        (f"127.0.0.1:{ports[2]}", "uwsgi"),
        (f"{run}/h.sock", "http"),
        (f"@uncork-e2e-{os.getpid()}", "http"),
    ]


# ---- what the application is given


def test_environ_over_tcp(serve: Serve, address: str, port: int) -> None:
    """CGI's variables, of this connection; headers only under HTTP_, and none that changes the scheme."""
    serve("--http-socket", address, "--http-var", "STAGE=test", *CONTRACT)
    head = (
        b"GET /environ?x=%20 HTTP/1.1\r\nHost: example.org\r\nX-Forwarded-Proto: https\r\n"
        b"X-Forwarded-For: 192.0.2.1\r\nHTTPS: on\r\nUWSGI-SCHEME: https\r\nRemote-Addr: 192.0.2.2\r\n"
        b"X_Real_IP: 192.0.2.3\r\nProxy: http://evil\r\n\r\n"
    )
    with uwsgi.connect(address) as sock:
        sock.sendall(head)
        mine = sock.getsockname()
        answer = harness_http.own(uwsgi.receive(sock))
    shown = {key: value for key, (_, value) in json.loads(answer.body).items()}
    plain = {key: value for key, value in shown.items() if "." not in key}
    assert plain.pop("SERVER_NAME")
    assert plain == {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/environ?x=%20",
        "PATH_INFO": "/environ",
        "QUERY_STRING": "x=%20",
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": mine[0],
        "REMOTE_PORT": str(mine[1]),
        "HTTP_HOST": "example.org",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_FOR": "192.0.2.1",
        "HTTP_HTTPS": "on",
        "HTTP_UWSGI_SCHEME": "https",
        "HTTP_REMOTE_ADDR": "192.0.2.2",
        "STAGE": "test",
    }
    assert shown["wsgi.url_scheme"] == "http"
    assert "wsgi.input_terminated" not in shown


def test_environ_over_ipv6(serve: Serve) -> None:
    """The client's address has no brackets."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        port = probe.getsockname()[1]
    serve("--http", f"[::1]:{port}", *CONTRACT)
    with socket.create_connection(("::1", port), PATIENCE) as sock:
        sock.sendall(harness_http.encode(variables("/environ")))
        shown = json.loads(uwsgi.receive(sock).body)
    assert shown["REMOTE_ADDR"] == ["str", "::1"]
    assert shown["SERVER_PORT"] == ["str", str(port)]


def test_environ_over_a_file(serve: Serve, run: Path) -> None:
    """No port and no client is known; what PEP 3333 wants is there all the same."""
    serve("--http-socket", f"{run}/h.sock", *CONTRACT)
    shown = environ(f"{run}/h.sock")
    assert (shown["REMOTE_ADDR"], shown["SERVER_PORT"]) == ("0.0.0.0", "80")
    assert shown["SERVER_NAME"]
    assert "REMOTE_PORT" not in shown


def test_http_1_0(serve: Serve, address: str) -> None:
    """No Host is needed; the application sees what was spoken, the answer is one of HTTP/1.1."""
    serve("--http-socket", address, *CONTRACT)
    answer = ask(address, b"GET /environ HTTP/1.0\r\n\r\n")
    assert answer.status == "HTTP/1.1 200 OK"
    shown = json.loads(answer.body)
    assert shown["SERVER_PROTOCOL"] == ["str", "HTTP/1.0"]
    assert "HTTP_HOST" not in shown


# ---- bodies


def test_chunked_upload(serve: Serve, address: str, port: int) -> None:
    """The application reads the whole of it, and then nothing; CONTENT_LENGTH is not there."""
    serve("--http-socket", address, *CONTRACT)
    pieces = [b"one", b"x" * 100_000, b"\r\n0\r\n\r\n", b"last"]
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    client.request("POST", "/read-all", iter(pieces), encode_chunked=True)
    assert client.getresponse().read() == b"".join(pieces)
    client.close()
    answer = ask(address, b"GET /environ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    shown = json.loads(answer.body)
    assert "CONTENT_LENGTH" not in shown
    assert shown["wsgi.input_terminated"] == ["bool", True]


def test_malformed_chunk(serve: Serve, address: str) -> None:
    """The application's read fails, the client is told that the mistake is its own, and the worker goes on."""
    server = serve("--http-socket", address, *CONTRACT)
    answer = ask(address, b"POST /read-all HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert answer.status == "HTTP/1.1 400 Bad Request"
    assert "\nread error: malformed chunk: b'zz' during POST /read-all (127.0.0.1)\n" in server.text()
    assert get(address, "/hello").code == 200


def test_expect(serve: Serve, address: str) -> None:
    """100 is said once the application reads, and never where it does not."""
    serve("--http-socket", address, *CONTRACT)
    head = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with uwsgi.connect(address) as sock:
        sock.sendall(head % b"/read-all")
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"body")
        assert uwsgi.receive(sock).body == b"body"
    with uwsgi.connect(address) as sock:
        sock.sendall(head % b"/hello")
        assert uwsgi.receive(sock).status == "HTTP/1.1 200 OK"


def test_a_body_that_is_too_large(serve: Serve, run: Path, address: str) -> None:
    """limit-post answers 413 at every door, before the application is asked, and without a reset."""
    server = serve("--http-socket", address, "--socket", f"{run}/u.sock", "--limit-post", "1000", *CONTRACT)
    body = b"x" * 1001
    assert ask(address, harness_http.encode(variables("/digest", CONTENT_LENGTH="1000")) + body[1:]).code == 200
    large = harness_http.encode(variables("/digest", CONTENT_LENGTH="300000"))
    for answer in (
        ask(address, harness_http.encode(variables("/digest", CONTENT_LENGTH="1001")) + body),
        uwsgi.send(address, large, b"x" * 300_000),
        uwsgi.post(f"{run}/u.sock", "/digest", body),
        ask(
            address,
            b"POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + body + b"\r\n0\r\n\r\n",
        ),
    ):
        assert (answer.status, answer.reset) == ("HTTP/1.1 413 Content Too Large", False)
    assert "(limit-post = 1000)" in server.text()


# ---- what is refused

REFUSED = [
    (b"GET / HTTP/1.1\r\n\r\n", 400, "no Host header"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "a second Host"),
    (b"GET / HTTP/1.1\nHost: a\n\n", 400, "not a method, a target and a version|a line ends without CR"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "Content-Length"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", 400, "a second Content-Length"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400, "a folded header"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400, "no token"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x1b[2Jred\r\n\r\n", 400, r"a control character(?= \[b'X: \\x1b\[2Jred'\])"),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1 and 1.0"),
    (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "no proxy"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "Transfer-Encoding"),
    (b"GET /" + b"a" * 4096 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "the request line has more than 4096 bytes"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 4096 + b"\r\n\r\n", 431, "the head has more than 4096 bytes"),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 128 + b"\r\n", 431, r"129 headers \(max 128"),
    (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 400, "a client speaks TLS to this HTTP socket"),
]


def test_refused(serve: Serve, address: str) -> None:
    """Each gets its status and the end of the connection, and is one line in the log; the worker goes on."""
    server = serve("--http-socket", address, "--buffer-size", "4096", "--master", *CONTRACT)
    worker = json.loads(get(address, "/process").body)["pid"]
    for request, status, reason in REFUSED:
        before = len(server.text())
        answer = ask(address, request)
        assert (answer.code, answer.reset) == (status, False), request
        assert answer.headers[-1] == ("Connection", "close")
        # The line of a request may come after its answer.
        log = re.sub(r"^\[pid: .*\n", "", server.text()[before:], flags=re.MULTILINE)
        assert re.fullmatch(rf"HTTP request from 127\.0\.0\.1 refused with {status}: .*({reason}).*\[b'.*'\]\n", log), (
            log
        )
        assert log[:-1].isprintable()
    assert json.loads(get(address, "/process").body)["pid"] == worker


def test_uwsgi_to_an_http_socket(serve: Serve, nginx: Callable[[str], Nginx], run: Path) -> None:
    """nginx with uwsgi_pass in place of proxy_pass: the log says what to change, and proxy_pass works."""
    server = serve("--http-socket", f"{run}/h.sock", "--module", "plain")
    front = nginx(
        f"location /wrong {{ include uwsgi_params; uwsgi_pass unix:{run}/h.sock; }}"
        f"location / {{ proxy_pass http://unix:{run}/h.sock; }}"
    )
    for path, status in (("/wrong", 400), ("/right", 200)):
        client = http.client.HTTPConnection("127.0.0.1", front.port, timeout=PATIENCE)
        client.request("GET", path)
        assert client.getresponse().status == status
        client.close()
    assert "a client speaks uwsgi to this HTTP socket (in nginx use proxy_pass here)" in server.text()


def test_a_browser_that_only_connects_is_no_news(serve: Serve, address: str, run: Path) -> None:
    """It is closed without an answer and without a line; http-timeout is its own time."""
    server = serve(
        "--http", address, "--socket", f"{run}/u.sock", "--socket-timeout", "1", "--http-timeout", "30", *CONTRACT
    )
    request = harness_http.encode(variables("/hello"))
    with uwsgi.connect(address) as slow, uwsgi.connect(f"{run}/u.sock") as given_up:
        slow.sendall(request[:10])
        given_up.sendall(b"\0")
        assert uwsgi.receive(given_up).raw == b""
        slow.sendall(request[10:])
        assert uwsgi.receive(slow).body == b"hello\n"
    server.close()
    server = serve("--http-socket", address, "--socket-timeout", "1", *CONTRACT)
    before = server.text()
    with uwsgi.connect(address) as sock:
        assert uwsgi.receive(sock).raw == b""
    assert server.text() == before


# ---- answers


def test_add_header(serve: Serve, run: Path, address: str) -> None:
    """A line for every answer, at every door, errors too."""
    line = "X-Frame-Options: DENY"
    serve("--http-socket", address, "--socket", f"{run}/u.sock", "--add-header", line, *CONTRACT)
    for path in ("/hello", "/raise"):
        for answer in (get(address, path), uwsgi.get(f"{run}/u.sock", path)):
            assert answer.header("X-Frame-Options") == "DENY"
    assert uwsgi.get(f"{run}/u.sock", "/status?line=204").headers == [
        ("Content-Type", "text/plain"),
        ("X-Frame-Options", "DENY"),
    ]


def test_catch_exceptions(serve: Serve, run: Path, address: str) -> None:
    """The client sees the traceback, at every door; without the option nothing of it (the contract tests)."""
    serve("--http-socket", address, "--socket", f"{run}/u.sock", "--catch-exceptions", "--module", "plain")
    for answer in (get(address, "/boom"), uwsgi.get(f"{run}/u.sock", "/boom")):
        assert answer.code == 500
        assert answer.body.startswith(b"Traceback (most recent call last):")
        assert answer.body.endswith(b"RuntimeError: boom\n")


def test_wsgi_disable_file_wrapper(serve: Serve, address: str) -> None:
    """Applications do not find it."""
    serve("--http-socket", address, "--wsgi-disable-file-wrapper", *CONTRACT)
    assert "wsgi.file_wrapper" not in environ(address)


def test_no_default_app(serve: Serve, run: Path) -> None:
    """Who asks for a SCRIPT_NAME that nothing is mounted at gets no other app."""
    mount = ("--module", "contract:app_root", "--mount", "/a=contract:app_a", "--no-default-app")
    serve("--socket", f"{run}/u.sock", *mount)
    assert uwsgi.get(f"{run}/u.sock", "/x").body == b"root '' '/x'"
    assert uwsgi.get(f"{run}/u.sock", "/x", SCRIPT_NAME="/a").body == b"a '/a' '/x'"
    assert uwsgi.get(f"{run}/u.sock", "/x", SCRIPT_NAME="/b").code == 500


def test_request_log(serve: Serve, address: str) -> None:
    """uWSGI's line, with the true numbers of the head and the answer."""
    server = serve("--http-socket", address, *CONTRACT)
    request = harness_http.encode(variables("/hello?seen", HTTP_X="y"))
    answer = ask(address, request)
    server.process.wait_for_log("on core 0)")
    (line,) = [line for line in server.text().splitlines() if "seen" in line]
    # SERVER_NAME, SERVER_PORT, SCRIPT_NAME, REMOTE_ADDR, REMOTE_PORT, five of the request line, and two headers.
    assert re.fullmatch(
        rf"\[pid: \d+\|app: 0\|req: 1/1\] 127\.0\.0\.1 \(\) \{{24 vars in {len(request)} bytes\}} \[.{{24}}\] "
        rf"GET /hello\?seen => generated 6 bytes in \d+ msecs \(HTTP/1\.1 200\) {len(answer.headers)} headers in "
        rf"{len(answer.raw) - 6} bytes \(1 switches on core 0\)",
        line,
    ), line


# ---- what holds for sockets


def test_harakiri(serve: Serve, run: Path, address: str) -> None:
    """A request that takes too long is answered 504, and the log names it."""
    server = serve("--http-socket", address, "--master", "--harakiri", "1", "--module", "faults")
    assert get(address, "/hang?sleep").code == 504
    assert re.search(r"HARAKIRI \[core 0\] 127\.0\.0\.1 - GET /hang\?sleep since", server.text()), server.text()
    assert get(address).code == 200


@pytest.mark.parametrize("dribbles", [False, True])
def test_harakiri_of_a_body_that_does_not_come(serve: Serve, address: str, dribbles: bool) -> None:
    """Its client is told, and the worker lives: the threads beside it are not killed with it."""
    limits = ("--harakiri", "1", "--socket-timeout", "60")
    server = serve("--http-socket", address, "--master", "--threads", "2", *limits, *CONTRACT)
    worker = json.loads(get(address, "/process").body)["pid"]
    ended = threading.Event()
    with uwsgi.connect(address) as sock:
        sock.sendall(harness_http.encode(variables("/digest", "POST", CONTENT_LENGTH="100000")) + b"x")

        def dribble() -> None:
            while dribbles and not ended.wait(0.05):
                try:
                    sock.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            assert uwsgi.receive(sock).code == 504
        finally:
            ended.set()
            thread.join()
    assert json.loads(get(address, "/process").body)["pid"] == worker
    assert "is killed" not in server.text()


def test_a_running_request_in_the_statistics(serve: Serve, run: Path, address: str) -> None:
    """Its variables are shown, its secrets masked."""
    serve("--http-socket", address, "--master", "--stats", f"{run}/stats.sock", "--module", "plain")
    with uwsgi.connect(address) as sock:
        target = f"/hold?{run}/go"
        sock.sendall(harness_http.encode(variables(target, HTTP_COOKIE="session=secret", HTTP_X="seen")))
        _until((run / "go.in").exists)
        shown = read_stats(f"{run}/stats.sock")["workers"][0]["cores"][0]
        (run / "go").touch()
        assert uwsgi.receive(sock).code == 200
    assert shown["in_request"] == 1
    assert {f"REQUEST_URI={target}", "REQUEST_METHOD=GET", "HTTP_X=seen", "HTTP_COOKIE=***"} <= set(shown["vars"])
    assert "secret" not in str(shown)


def _until(condition: Callable[[], bool]) -> None:
    ended = threading.Event()
    for _ in range(1000):
        if condition():
            return
        ended.wait(0.02)
    raise AssertionError("it does not come")


def test_a_socket_file(serve: Serve, run: Path) -> None:
    """chmod-socket and vacuum are for it, too."""
    server = serve("--http-socket", f"{run}/h.sock", "--chmod-socket=660", "--vacuum", "--master", "--module", "plain")
    assert stat.S_IMODE(os.stat(run / "h.sock").st_mode) == 0o660
    server.process.signal(signal.SIGINT)
    assert server.process.wait() == 0
    assert not (run / "h.sock").exists()


@pytest.fixture
def live(deploy: Deploy, port: int) -> tuple[Site, int]:
    """A site that also listens for HTTP, and the port."""
    return deploy(f"http-socket = 127.0.0.1:{port}"), port


def test_reload_under_load(live: tuple[Site, int]) -> None:
    """The port stays, nobody is refused, reset or lost, and the new code answers."""
    site, port = live
    with Pace(port, "/", 100, fresh=True) as load:
        for _ in range(2):
            before = site.pids()
            site.command("r")
            site.until_replaced(before)
        seen = load.stop()
    assert seen.failed == 0, seen
    assert seen.answered > 0


def test_drain(live: tuple[Site, int]) -> None:
    """What was accepted before a stop is answered: running, and half here."""
    site, port = live
    address = f"127.0.0.1:{port}"
    request = harness_http.encode(variables(f"/hold?{site.run}/go"))
    with uwsgi.connect(address) as running, uwsgi.connect(address) as half:
        running.sendall(request)
        site.until((site.run / "go.in").exists, "a running request")
        half.sendall(request[:20])
        site.command("q")
        site.server.process.wait_for_log("graceful shutdown triggered...")
        (site.run / "go").touch()
        half.sendall(request[20:])
        assert uwsgi.receive(running).code == 200
        assert uwsgi.receive(half).code == 200
    assert site.server.process.wait() == 0


def test_a_port_changes_its_protocol_at_a_reload(serve: Serve, run: Path, address: str) -> None:
    """The very same socket goes on, and speaks what the new configuration says."""
    common = ("module = plain", "master = true", f"master-fifo = {run}/fifo", f"stats = {run}/stats.sock")
    server = serve(*app_ini(run, f"socket = {address}", *common))
    assert uwsgi.get(address).code == 200
    app_ini(run, f"http-socket = {address}", *common)
    _reload(server, run)
    assert get(address).code == 200
    assert [sock["proto"] for sock in read_stats(f"{run}/stats.sock")["sockets"]] == ["http"]


def _reload(server: Server, run: Path) -> None:
    (run / "fifo").write_text("r")
    _until(lambda: read_stats(f"{run}/stats.sock").get("last_reload", {}).get("ok") == 1)


def test_what_cannot_be_started(serve: Serve, run: Path) -> None:
    """A bad address is told with its option, and a wrong protocol with those that there are."""
    for lines, reason in (
        (["http-socket = http://:80"], "http-socket = http://:80 (expected host:port or a path, without http://)"),
        (["http = :99999"], "http = :99999 (the port is '99999', expected 0 to 65535)"),
        (
            [f"http11-socket = {run}/gone/h.sock"],
            f"(directory {run}/gone does not exist; create it or change the path)",
        ),
        (["socket = :1", "protocol = fastcgi"], "protocol = fastcgi (expected uwsgi, http or http11)"),
        (["add-header = X Y: z"], "add-header = X Y: z (expected a header such as X-Frame-Options: DENY)"),
    ):
        with pytest.raises(AssertionError) as failed:
            serve(*app_ini(run, *lines, "module = plain"))
        assert reason in str(failed.value)
