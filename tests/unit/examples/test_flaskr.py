"""The example blog, used as visitors use it: through its forms and links, at / and below a mount."""

import io
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from werkzeug.test import TestResponse

PASSWORD = "pour it slowly"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)
GIF = b"GIF89a" + bytes(40)
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(40)


class Visitor:
    """A browser with its cookies; `send` fills in a page's form, token and all."""

    def __init__(self, app: Flask, mount: str = "", name: str | None = None) -> None:
        self.client = app.test_client()
        self.base_url = f"http://localhost{mount}"
        if name is not None:
            assert self.send("/auth/signup", username=name, password=PASSWORD).status_code == 302

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, base_url=self.base_url)

    def text(self, path: str) -> str:
        response = self.get(path)
        assert response.status_code == 200
        return response.text

    def token(self, page: str = "/auth/login") -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.text(page))
        assert found is not None
        return found[1]

    def send(self, path: str, **fields: object) -> TestResponse:
        form = {"csrf_token": self.token(), **fields}
        response = self.client.post(path, base_url=self.base_url, data=form)
        # The test client keeps large bodies in a temporary file and leaves closing it to us.
        response.request.environ["wsgi.input"].close()
        return response

    def write(self, title: str = "A title", body: str = "Some text.", **fields: object) -> TestResponse:
        return self.send("/posts/new", title=title, body=body, **fields)


def upload(content: bytes, name: str = "photo.png") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


def stored_pictures(app: Flask) -> list[Path]:
    return sorted(Path(app.instance_path, "pictures").glob("*"))


def picture_address(html: str) -> str:
    found = re.search(r'src="([^"]*/pictures/[^"]+)"', html)
    assert found is not None
    return found[1]


# Members


def test_signing_up_logs_in(app: Flask) -> None:
    """A new member is logged in at once and greeted by name."""
    ada = Visitor(app)
    response = ada.send("/auth/signup", username="Ada", password=PASSWORD)
    assert (response.status_code, response.location) == (302, "/")
    page = ada.text("/")
    assert "Welcome, Ada." in page
    assert "Log out" in page


@pytest.mark.parametrize(
    ("username", "password", "complaint"),
    [
        ("A", PASSWORD, "Use 2 to 32 letters"),
        ("a" * 33, PASSWORD, "Use 2 to 32 letters"),
        ("Ada Lovelace", PASSWORD, "Use 2 to 32 letters"),
        ("<b>", PASSWORD, "Use 2 to 32 letters"),
        ("Grace", "1234567", "Use 8 to 256 characters"),
        ("Grace", "x" * 257, "Use 8 to 256 characters"),
        ("Ada", PASSWORD, "Somebody has this name already"),
        ("ADA", PASSWORD, "Somebody has this name already"),
        (" Ada ", PASSWORD, "Somebody has this name already"),
    ],
)
def test_signing_up_says_what_is_wrong(app: Flask, username: str, password: str, complaint: str) -> None:
    """A name or password that cannot be taken comes back with the reason, and logs nobody in."""
    Visitor(app, name="Ada")
    visitor = Visitor(app)
    response = visitor.send("/auth/signup", username=username, password=password)
    assert response.status_code == 422
    assert complaint in response.text
    assert "Log out" not in visitor.text("/")


def test_logging_in_and_out(app: Flask) -> None:
    """A member comes back with name (in any case) and password, and is nobody again after logging out."""
    Visitor(app, name="Ada")
    visitor = Visitor(app)
    assert visitor.send("/auth/login", username="ada", password=PASSWORD).location == "/"
    assert "Good to see you, Ada." in visitor.text("/")
    assert visitor.send("/auth/logout").location == "/"
    assert "Log in" in visitor.text("/")


@pytest.mark.parametrize(("username", "password"), [("Ada", "wrong password"), ("Nobody", PASSWORD), ("Ada", "")])
def test_wrong_password(app: Flask, username: str, password: str) -> None:
    """A wrong password and an unknown name get the same answer, so nobody learns who is a member."""
    Visitor(app, name="Ada")
    visitor = Visitor(app)
    response = visitor.send("/auth/login", username=username, password=password)
    assert response.status_code == 422
    assert "This name and this password do not belong together." in response.text
    assert "Log out" not in visitor.text("/")


def test_login_leads_back(app: Flask) -> None:
    """Who had to log in on the way to a page arrives there afterwards."""
    Visitor(app, name="Ada").write()
    visitor = Visitor(app)
    assert visitor.get("/posts/1/edit").location == "/auth/login"
    assert visitor.send("/auth/login", username="Ada", password=PASSWORD).location == "/posts/1/edit"


# Posts


def test_writing_a_post(app: Flask) -> None:
    """A post is on its own page and on the first page, for everybody."""
    response = Visitor(app, name="Ada").write("Corks", "They float.\r\n\r\nSee https://example.org/ for more.")
    assert response.location == "/posts/1"
    reader = Visitor(app)
    assert "They float." in reader.text("/")
    page = reader.text("/posts/1")
    assert "<h1>Corks</h1>" in page
    assert "<p>They float.</p>" in page
    assert '<a href="https://example.org/"' in page
    assert "Edit</a>" not in page


def test_text_is_never_markup(app: Flask) -> None:
    """Tags and scripts in any field are shown as typed."""
    evil = '"><script>alert(1)</script>'
    ada = Visitor(app, name="Ada")
    ada.write(evil, f"{evil} javascript:alert(1)", picture=upload(PNG), picture_text=evil)
    for path in ("/", "/posts/1", "/posts/1/edit"):
        page = ada.text(path)
        assert "&lt;script&gt;" in page
        assert "<script" not in page
        assert 'href="javascript:' not in page


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"title": " "}, "A post needs a title."),
        ({"title": "t" * 121}, "Use 120 characters at most."),
        ({"body": "\r\n"}, "Write at least a sentence."),
        ({"body": "b" * 50_001}, "Use 50,000 characters at most; these are 50,001."),
        ({"picture_text": "p" * 251}, "Use 250 characters at most."),
    ],
)
def test_a_draft_with_faults_comes_back(app: Flask, fields: dict[str, str], complaint: str) -> None:
    """A draft that cannot be published returns with the reason and all that was typed; nothing of it is stored."""
    ada = Visitor(app, name="Ada")
    draft = {"title": "Kept title", "body": "Kept text."} | fields
    response = ada.write(**draft, picture=upload(PNG))
    assert response.status_code == 422
    assert complaint in response.text
    assert "Please choose the picture again." in response.text
    assert sum(kept in response.text for kept in ("Kept title", "Kept text.")) == len({"title", "body"} - fields.keys())
    assert ada.get("/posts/1").status_code == 404
    assert stored_pictures(app) == []


def test_editing_a_post(app: Flask) -> None:
    """The author's changes are on the page, which says that it was edited."""
    ada = Visitor(app, name="Ada")
    ada.write("Corks", "They float.")
    assert "They float." in ada.text("/posts/1/edit")
    response = ada.send("/posts/1/edit", title="Corks, again", body="They swim.")
    assert response.location == "/posts/1"
    page = ada.text("/posts/1")
    assert "Corks, again" in page
    assert "They swim." in page
    assert "They float." not in page
    assert "edited <time" in page


def test_deleting_a_post(app: Flask) -> None:
    """A deleted post is gone, and its picture with it."""
    ada = Visitor(app, name="Ada")
    ada.write(picture=upload(PNG))
    assert len(stored_pictures(app)) == 1
    assert ada.send("/posts/1/delete").location == "/"
    assert ada.get("/posts/1").status_code == 404
    assert stored_pictures(app) == []


def test_a_post_belongs_to_its_author(app: Flask) -> None:
    """Another member gets 403 for changing or deleting a post, and the post stays as it was."""
    Visitor(app, name="Ada").write("Corks", "They float.", picture=upload(PNG))
    eve = Visitor(app, name="Eve")
    answers = [
        eve.get("/posts/1/edit"),
        eve.send("/posts/1/edit", title="Mine", body="Mine.", drop_picture="on"),
        eve.send("/posts/1/delete"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert all("This one is not yours" in answer.text for answer in answers)
    assert "They float." in eve.text("/posts/1")
    assert len(stored_pictures(app)) == 1


@pytest.mark.parametrize("path", ["/posts/new", "/posts/1/edit", "/posts/1/delete"])
def test_strangers_are_asked_to_log_in(app: Flask, path: str) -> None:
    """Without a login nothing is written, changed or deleted."""
    Visitor(app, name="Ada").write("Corks", "They float.")
    stranger = Visitor(app)
    assert stranger.send(path, title="Mine", body="Mine.").location == "/auth/login"
    assert "They float." in stranger.text("/posts/1")
    assert stranger.get("/posts/2").status_code == 404


def test_pages_of_posts(app: Flask) -> None:
    """The list shows five posts at a time, newest first, with links to its neighbours; beyond the last page is 404."""
    ada = Visitor(app, name="Ada")
    for number in range(1, 12):
        ada.write(f"Title {number}.")
    pages = [re.findall(r"Title (\d+)\.</a>", ada.text(f"/?page={page}")) for page in (1, 2, 3)]
    assert pages == [["11", "10", "9", "8", "7"], ["6", "5", "4", "3", "2"], ["1"]]
    assert [re.findall(r'rel="(prev|next)"', ada.text(f"/?page={page}")) for page in (1, 2, 3)] == [
        ["next"],
        ["prev", "next"],
        ["prev"],
    ]
    assert [ada.get(f"/?page={page}").status_code for page in ("0", "4", "-1", "9" * 30, "two")] == [404] * 4 + [200]


# Pictures


@pytest.mark.parametrize(
    ("content", "mimetype"),
    [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp")],
)
def test_uploading_a_picture(app: Flask, content: bytes, mimetype: str) -> None:
    """A picture comes back byte for byte, named by us and typed by its bytes; only the owner can read the file."""
    ada = Visitor(app, name="Ada")
    ada.write(picture=upload(content, "../../holiday.html"), picture_text="Hills at dusk")
    page = ada.text("/posts/1")
    assert 'alt="Hills at dusk"' in page
    assert "holiday" not in page
    with ada.get(picture_address(page)) as response:
        assert response.data == content
        assert response.mimetype == mimetype
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in response.headers
    (file,) = stored_pictures(app)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content", [b"<html><script>alert(1)</script>", b"<svg xmlns='...'/>", b"RIFF____WAVEfmt ", b""]
)
def test_a_file_that_is_no_picture(app: Flask, content: bytes) -> None:
    """What a file is called makes it no picture: it is refused with the reason, and nothing is stored."""
    ada = Visitor(app, name="Ada")
    response = ada.write(picture=upload(content))
    assert response.status_code == 422
    assert "This file is not a PNG, JPEG, GIF or WebP picture." in response.text
    assert stored_pictures(app) == []
    assert ada.get("/posts/1").status_code == 404


def test_a_picture_without_its_post(app: Flask) -> None:
    """When the post cannot be stored, its picture does not stay behind."""
    ada = Visitor(app, name="Ada")
    with closing(sqlite3.connect(Path(app.instance_path, "flaskr.sqlite"))) as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON post BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    assert ada.write(picture=upload(PNG)).status_code == 500
    assert stored_pictures(app) == []
    assert Path(app.instance_path, "pictures").is_dir()


def test_an_upload_that_is_too_big(flaskr: ModuleType, tmp_path: Path) -> None:
    """A body above the limit gets the 413 page, which names the limit."""
    app = flaskr.create_app({"INSTANCE": tmp_path, "MAX_CONTENT_LENGTH": 20 * 1024})
    ada = Visitor(app, name="Ada")
    response = ada.write(picture=upload(PNG + bytes(20 * 1024)))
    assert response.status_code == 413
    assert "may weigh 20 kB" in response.text
    assert stored_pictures(app) == []


def test_the_limit_without_any_setting(app: Flask) -> None:
    """As delivered, 8 MB are the limit, and the form says so."""
    ada = Visitor(app, name="Ada")
    assert "8 MB at most" in ada.text("/posts/new")
    assert ada.write(picture=upload(PNG + bytes(7 * 1024 * 1024))).status_code == 302
    assert ada.write(picture=upload(PNG + bytes(8 * 1024 * 1024))).status_code == 413


@pytest.mark.parametrize(
    ("fields", "content_after"),
    [
        ({}, PNG),
        ({"drop_picture": "on"}, None),
        ({"picture": GIF}, GIF),
        ({"picture": GIF, "drop_picture": "on"}, GIF),
    ],
)
def test_the_picture_of_an_edited_post(app: Flask, fields: dict[str, object], content_after: bytes | None) -> None:
    """Editing keeps, replaces or removes the picture, and no file that is not shown stays behind."""
    ada = Visitor(app, name="Ada")
    ada.write(picture=upload(PNG))
    sent = {name: upload(value) if isinstance(value, bytes) else value for name, value in fields.items()}
    assert ada.send("/posts/1/edit", title="A title", body="Some text.", **sent).status_code == 302
    assert [file.read_bytes() for file in stored_pictures(app)] == ([] if content_after is None else [content_after])
    assert ("/pictures/" in ada.text("/posts/1")) == (content_after is not None)


@pytest.mark.parametrize(
    "name", ["none.png", "secret_key", "..%2fsecret_key", "%2e%2e/secret_key", "..%2fflaskr.sqlite"]
)
def test_only_pictures_are_served(app: Flask, name: str) -> None:
    """No address leads to the key, the database or anything else of the instance folder."""
    visitor = Visitor(app, name="Ada")
    assert visitor.get(f"/pictures/{name}").status_code == 404


# Forms of other sites


@pytest.mark.parametrize("token", [None, "", "made-up", "caf\xe9"])
def test_a_form_without_our_token(app: Flask, token: str | None) -> None:
    """A form that does not carry the session's token gets status 400 and changes nothing."""
    ada = Visitor(app, name="Ada")
    ada.write()
    fields = {} if token is None else {"csrf_token": token}
    response = ada.client.post("/posts/1/delete", data=fields)
    assert response.status_code == 400
    assert "That form is no longer valid" in response.text
    assert "A title" in ada.text("/posts/1")


def test_a_token_of_another_session(app: Flask) -> None:
    """A visitor's token is worth nothing in another session, nor an empty one in a session that has none."""
    eve, ada, new = Visitor(app, name="Eve"), Visitor(app, name="Ada"), Visitor(app)
    ada.write()
    assert ada.client.post("/posts/1/delete", data={"csrf_token": eve.token()}).status_code == 400
    assert new.client.post("/auth/login", data={"csrf_token": ""}).status_code == 400


def test_logging_in_changes_the_token(app: Flask) -> None:
    """What was known before the login is worth nothing after it."""
    visitor = Visitor(app)
    before = visitor.token()
    visitor.send("/auth/signup", username="Ada", password=PASSWORD)
    assert visitor.token() != before


# Error pages


@pytest.mark.parametrize("path", ["/nope", "/posts/1", "/posts/x", f"/posts/{2**63}", f"/posts/{'9' * 5000}"])
def test_the_page_for_404(app: Flask, path: str) -> None:
    """Where nothing is, the site's own page says so."""
    response = Visitor(app).get(path)
    assert response.status_code == 404
    assert "<h1>Nothing here</h1>" in response.text
    assert "About this request" in response.text


def test_other_errors_keep_their_headers(app: Flask) -> None:
    """An error without words of its own shows its name, and Allow comes with 405."""
    response = Visitor(app).get("/auth/logout")
    assert response.status_code == 405
    assert "<h1>Method Not Allowed</h1>" in response.text
    assert "POST" in response.headers["Allow"]
    assert Visitor(app).client.post("/nope").status_code == 404


def test_the_page_for_500(app: Flask) -> None:
    """A broken database gives members and strangers the site's own page, without a word of the cause."""
    ada = Visitor(app, name="Ada")
    Path(app.instance_path, "flaskr.sqlite").write_bytes(b"no database " * 1000)
    for visitor in (ada, Visitor(app)):
        response = visitor.get("/")
        assert response.status_code == 500
        assert "<h1>Something broke</h1>" in response.text
        assert "sqlite" not in response.text.lower()
        assert "not a database" not in response.text


# Where the blog is mounted


def test_every_link_follows_the_mount(app: Flask) -> None:
    """Below /bbb all links, forms, pictures, static files and redirects begin with /bbb."""
    ada = Visitor(app, mount="/bbb", name="Ada")
    for _ in range(6):
        location = ada.write("Title", "Text.", picture=upload(PNG)).location
    assert location == "/bbb/posts/6"
    pages = ["/", "/?page=2", "/posts/1", "/posts/new", "/posts/1/edit", "/auth/login", "/auth/signup"]
    html = "".join(map(ada.text, pages)) + ada.get("/nope").text
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', html)
    assert {"/bbb/static/style.css", "/bbb/posts/1/delete", "/bbb/?page=1"} <= set(addresses)
    assert [a for a in addresses if not a.startswith(("/bbb/", "#"))] == []
    assert ada.send("/auth/logout").location == "/bbb/"
    assert ada.get("/posts/new").location == "/bbb/auth/login"
    assert "mounted at /bbb" in html


def test_two_mounts_of_one_host_do_not_collide(app: Flask) -> None:
    """Logins below /bbb and at / are two different things, although a browser sends the cookie of / to both."""
    root, bbb = Visitor(app), Visitor(app, mount="/bbb")
    bbb.client = root.client
    root.send("/auth/signup", username="Ada", password=PASSWORD)
    assert "Log out" not in bbb.text("/")
    bbb.send("/auth/signup", username="Eve", password=PASSWORD)
    assert "Ada" in root.text("/")
    bbb.send("/auth/logout")
    assert "Log out" not in bbb.text("/")
    assert "Log out" in root.text("/")


@pytest.mark.parametrize(
    ("base_url", "name", "path", "secure"),
    [
        ("http://localhost/", "session", "/", False),
        ("http://localhost/bbb", "session_bbb", "/bbb", False),
        ("https://localhost/a/b", "session_a_b", "/a/b", True),
    ],
)
def test_the_session_cookie(app: Flask, base_url: str, name: str, path: str, secure: bool) -> None:
    """The cookie stays below its mount, out of reach of scripts and other sites, and of plain http after https."""
    (cookie,) = app.test_client().get("/auth/login", base_url=base_url).headers.getlist("Set-Cookie")
    value, *attributes = cookie.split("; ")
    assert value.startswith(f"{name}=")
    assert set(attributes) == {"HttpOnly", "SameSite=Lax", f"Path={path}"} | ({"Secure"} if secure else set())


def test_static_files_set_no_cookie(app: Flask) -> None:
    """Style and icon are the same for everybody, so a cache may keep them."""
    for name in ("style.css", "favicon.svg", "bottle.svg"):
        with Visitor(app).get(f"/static/{name}") as response:
            assert response.status_code == 200
            assert "Cookie" not in response.headers.get("Vary", "")
            assert "Set-Cookie" not in response.headers


def test_pages_load_nothing_from_elsewhere(app: Flask) -> None:
    """Every answer, an error too, forbids foreign scripts and frames."""
    for path in ("/", "/nope"):
        headers = Visitor(app).get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


# The stations at the foot of the page

BY_NGINX = {
    "REMOTE_ADDR": "192.0.2.7",
    "REMOTE_PORT": "50123",
    "SERVER_PORT": "80",
    "DOCUMENT_ROOT": "/usr/share/nginx/html",
    "SCRIPT_NAME": "/bbb",
}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            BY_NGINX,
            [
                ("browser", "192.0.2.7:50123"),
                ("nginx", "port 80"),
                ("worker", "pid 42"),
                ("Flask", "mounted at /bbb"),
            ],
        ),
        (
            {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": 50123, "SCRIPT_NAME": ""},
            [("browser", "127.0.0.1:50123"), ("worker", "pid 42"), ("Flask", "mounted at /")],
        ),
        ({}, [("browser", "address unknown"), ("worker", "pid 42"), ("Flask", "mounted at /")]),
    ],
)
def test_stations(flaskr: ModuleType, environ: dict[str, object], expected: list[tuple[str, str]]) -> None:
    """The foot of the page names the stations that the request has passed, and no other."""
    assert flaskr.chain.stations(environ, pid=42) == expected


def test_the_module_level_app_serves(flaskr: ModuleType) -> None:
    """`flaskr:app` is the blog, as `flaskr:create_app()` is."""
    assert "<h1>" in Visitor(flaskr.app).text("/")
