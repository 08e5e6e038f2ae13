"""Guide two, from an ini file: the example blog under a master, a FIFO, nginx at `/` and under `/bbb`."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import pytest

from e2e.conftest import Serve
from harness.nginx import Nginx
from harness.processes import wait_gone
from harness.server import EXAMPLES, Server, free_port, read_stats

# The guide's file, numbers and names filled in.
GUIDE_INI = """\
[uwsgi]
socket = :{port}
master = true
processes = 4
module = flaskr:app
master-fifo = {run}/uwsgi.fifo
logto = {run}/uwsgi.log
stats = {run}/stats.socket
{more}
"""

AT_ROOT = """
location / {{ try_files $uri @app; }}
location @app {{ include uwsgi_params; uwsgi_pass 127.0.0.1:{port}; }}
"""

# The guide's own block: the path arrives whole, and SCRIPT_NAME does not arrive at all.
GUIDE_BBB = """
location = /bbb {{ rewrite ^ /bbb/; }}
location /bbb {{ try_files $uri @bbb; }}
location @bbb {{ include uwsgi_params; uwsgi_pass 127.0.0.1:{port}; }}
"""

# The cure on nginx's side.
NGINX_BBB = """
location = /bbb {{ absolute_redirect off; return 301 /bbb/$is_args$args; }}
location ^~ /bbb/ {{
    include uwsgi_params;
    uwsgi_param SCRIPT_NAME /bbb;
    uwsgi_modifier1 30;
    uwsgi_pass 127.0.0.1:{port};
}}
"""

# The smallest PNG there is: one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


@pytest.fixture
def project(run: Path) -> Path:
    """The example blog, copied so that its database lives and dies with the test."""
    shutil.copytree(EXAMPLES / "flaskr", run / "blog", ignore=shutil.ignore_patterns("instance", "__pycache__"))
    return run / "blog"


def start(serve: Serve, run: Path, project: Path, more: str = "", how: tuple[str, ...] = ("--ini", "uwsgi.ini")) -> int:
    """Start the guide's ini; the port."""
    port = free_port()
    (project / "uwsgi.ini").write_text(GUIDE_INI.format(port=port, run=run, more=more))
    serve(*how, cwd=project, env={"FLASKR_INSTANCE": str(run / "instance")})
    return port


class Browser:
    """A person's browser, as far as forms and cookies go."""

    def __init__(self, front: Nginx, prefix: str) -> None:
        self.base = front.url + prefix
        self.opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        self.page = ""
        self.url = ""

    def get(self, path: str) -> str:
        """Open a page of the blog."""
        return self._open(Request(self.base + path))

    def submit(self, path: str, fields: dict[str, str], picture: bytes | None = None) -> str:
        """Open the form at `path`, fill it in and send it to the address that its page names."""
        self.get(path)
        forms = re.findall(r"<form.*?</form>", self.page, re.DOTALL)
        form = next(form for form in forms if all(f'name="{name}"' in form for name in fields))
        action = re.search(r'action="([^"]*)"', form)
        target = action.group(1) if action and action.group(1) else self.url
        if target.startswith("/"):
            target = re.sub(r"^(https?://[^/]+).*", r"\1", self.base) + target
        token = re.search(r'name="csrf_token"[^>]*value="([^"]*)"', form) or re.search(
            r'value="([^"]*)"[^>]*name="csrf_token"', form
        )
        assert token is not None
        fields = {**fields, "csrf_token": token.group(1)}
        if picture is None:
            return self._open(Request(target, urlencode(fields).encode()))
        body, kind = _multipart(fields, picture)
        return self._open(Request(target, body, {"Content-Type": kind}))

    def _open(self, request: Request) -> str:
        with self.opener.open(request) as answer:
            self.url = answer.url
            self.page = answer.read().decode()
        return self.page


def _multipart(fields: dict[str, str], picture: bytes) -> tuple[bytes, str]:
    parts = [
        f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts.append(b'--xyz\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n')
    parts.append(b"Content-Type: image/png\r\n\r\n" + picture + b"\r\n--xyz--\r\n")
    return b"".join(parts), "multipart/form-data; boundary=xyz"


def use_the_blog(front: Nginx, prefix: str) -> None:
    """Everything a person does with the blog, every link under `prefix`."""
    browser = Browser(front, prefix)
    browser.get("/")
    browser.submit("/auth/signup", {"username": "ada", "password": "lovelace-1815"})
    browser.submit("/auth/login", {"username": "ada", "password": "lovelace-1815"})
    page = browser.submit("/posts/new", {"title": "Notes", "body": "On the engine"}, picture=PIXEL)

    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
    assert links
    assert [link for link in links if not link.startswith(f"{prefix}/")] == []
    number = re.search(rf"{prefix}/posts/(\d+)", browser.url + page)
    assert number is not None
    picture = re.search(rf'src="{prefix}(/pictures/[^"]+)"', page)
    assert picture is not None
    with browser.opener.open(browser.base + picture.group(1)) as answer:
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.read() == PIXEL
    page = browser.submit(f"/posts/{number.group(1)}/edit", {"title": "Notes", "body": "On the looms"})
    assert "On the looms" in page
    style = re.search(rf'href="({prefix}/static/[^"]+\.css[^"]*)"', page)
    assert style is not None
    with browser.opener.open(front.url + style.group(1)) as answer:
        assert answer.headers["Content-Type"].startswith("text/css")
    with pytest.raises(HTTPError, match="404") as missing:
        browser.get("/nothing/here")
    assert f'href="{prefix}/' in missing.value.read().decode()


@pytest.mark.parametrize("how", [("--ini", "uwsgi.ini"), ("uwsgi.ini",)])
def test_the_blog_at_the_root(
    serve: Serve, nginx: Callable[[str], Nginx], run: Path, project: Path, how: tuple[str, ...]
) -> None:
    """The guide's ini serves the whole blog at `/`: sign-up, login, post, upload, edit, pages for errors."""
    port = start(serve, run, project, how=how)

    use_the_blog(nginx(AT_ROOT.format(port=port)), "")


def test_the_blog_under_a_prefix_cured_by_the_server(
    serve: Serve, nginx: Callable[[str], Nginx], run: Path, project: Path
) -> None:
    """`mount` and `manage-script-name` make the guide's own /bbb block work, every link under /bbb."""
    port = start(serve, run, project, "mount = /bbb=flaskr:app\nmanage-script-name = true")

    use_the_blog(nginx(GUIDE_BBB.format(port=port)), "/bbb")


def test_the_blog_under_a_prefix_cured_by_nginx(
    serve: Serve, nginx: Callable[[str], Nginx], run: Path, project: Path
) -> None:
    """SCRIPT_NAME and `uwsgi_modifier1 30` in nginx put the app under /bbb without a word in the ini."""
    port = start(serve, run, project)

    use_the_blog(nginx(NGINX_BBB.format(port=port)), "/bbb")


def test_the_guides_own_block_without_a_cure_finds_nothing(
    serve: Serve, nginx: Callable[[str], Nginx], run: Path, project: Path
) -> None:
    """Why the cures are needed: with the guide's /bbb block alone the app answers 404."""
    port = start(serve, run, project)
    front = nginx(GUIDE_BBB.format(port=port))

    with pytest.raises(HTTPError, match="404"):
        Browser(front, "/bbb").get("/")


def test_two_mounts_in_one_server(serve: Serve, nginx: Callable[[str], Nginx], run: Path, project: Path) -> None:
    """Several apps in one server, each under its own prefix."""
    (project / "other.py").write_text(
        "from flask import Flask, url_for\napp = Flask(__name__)\n"
        "app.route('/', endpoint='top')(lambda: 'other at ' + url_for('top'))\n"
    )
    port = start(serve, run, project, "mount = /bbb=flaskr:app\nmount = /ccc=other:app\nmanage-script-name = true")
    front = nginx(GUIDE_BBB.format(port=port) + GUIDE_BBB.format(port=port).replace("bbb", "ccc"))

    assert Browser(front, "/ccc").get("/") == "other at /ccc/"
    assert 'href="/bbb/' in Browser(front, "/bbb").get("/")


def test_echo_r_and_echo_q(serve: Serve, nginx: Callable[[str], Nginx], run: Path, project: Path) -> None:
    """`echo r >uwsgi.fifo` brings new workers with the new app, `echo q >uwsgi.fifo` ends everything with status 0."""
    port = free_port()
    (project / "uwsgi.ini").write_text(GUIDE_INI.format(port=port, run=run, more=""))
    server: Server = serve("--ini", "uwsgi.ini", cwd=project, env={"FLASKR_INSTANCE": str(run / "instance")})
    front = nginx(AT_ROOT.format(port=port))
    before = workers(run)
    base = project / "flaskr" / "templates" / "base.html"
    base.write_text(base.read_text().replace("</title>", " anew</title>"))

    subprocess.run("echo r >uwsgi.fifo", shell=True, cwd=run, check=True, timeout=10)
    server.wait("READY=1")
    for pid in before:
        wait_gone(pid)

    assert " anew</title>" in Browser(front, "").get("/")
    after = workers(run)
    assert len(after) == 4
    assert not set(after) & set(before)
    subprocess.run("echo q >uwsgi.fifo", shell=True, cwd=run, check=True, timeout=10)
    assert server.process.wait() == 0
    assert "goodbye" in (run / "uwsgi.log").read_text()
    for pid in after:
        wait_gone(pid)


def workers(run: Path) -> list[int]:
    """Process ids of the workers, from the statistics."""
    return [worker["pid"] for worker in read_stats(f"{run}/stats.socket")["workers"]]


@pytest.mark.parametrize("option", ["master-fifo", "logto", "stats"])
def test_a_directory_that_does_not_exist_is_named(run: Path, project: Path, option: str) -> None:
    """Before anything starts, the option and the missing directory are named with file and line."""
    ini = GUIDE_INI.format(port=free_port(), run=run, more="").splitlines()
    number = next(n for n, line in enumerate(ini, 1) if line.startswith(option))
    ini[number - 1] = f"{option} = {run}/missing/thing"
    (project / "uwsgi.ini").write_text("\n".join(ini))

    done = subprocess.run(
        [sys.executable, "-m", "uncork", "uwsgi.ini"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 1
    assert f"uwsgi.ini:{number}: {option} = {run}/missing/thing" in done.stderr
    assert f"{run}/missing" in done.stderr
    assert "spawned" not in done.stderr
    assert not (run / "uwsgi.fifo").exists()
