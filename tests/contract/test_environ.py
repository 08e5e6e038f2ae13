"""What the application gets: PEP 3333's environ, made of what the peer sent and nothing it may choose."""

import json
from pathlib import Path
from typing import Any

import pytest

from contract.doors import Door, token
from harness.uwsgi import variables
from uncork.protocol.uwsgi import encode


def environ(door: Door, **extra: str) -> dict[str, tuple[str, Any]]:
    """{key: (type, value)} of a request with `extra` variables."""
    shown: dict[str, list[Any]] = json.loads(door.get("/environ?a=1&b=2", **extra).body)
    return {key: (kind, value) for key, (kind, value) in shown.items()}


@pytest.mark.uwsgi
def test_variables_arrive(door: Door) -> None:
    """Every variable of the peer arrives as a str with its value, empty ones too."""
    sent = variables("/environ?a=1&b=2", HTTP_X_TEST="yes", CUSTOM_NAME="\x7f\xff")
    shown = environ(door, HTTP_X_TEST="yes", CUSTOM_NAME="\x7f\xff")
    assert {key: shown.get(key) for key in sent} == {key: ("str", value) for key, value in sent.items()}


def test_keys_of_the_pep(door: Door) -> None:
    """All keys that PEP 3333 asks of a server are there, with their types."""
    shown = environ(door)
    threads = door.threads
    assert shown["wsgi.version"] == ("tuple", "(1, 0)")
    assert shown["wsgi.url_scheme"] == ("str", "http")
    assert shown["wsgi.multithread"] == ("bool", threads)
    assert shown["wsgi.multiprocess"] == ("bool", False)
    assert shown["wsgi.run_once"] == ("bool", False)
    assert {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} <= shown.keys()


def test_keys_of_uwsgi(door: Door) -> None:
    """uwsgi.version and uwsgi.node are bytes, uwsgi.core is a number where there are threads."""
    shown = environ(door)
    assert shown["uwsgi.version"][0] == "bytes"
    assert shown["uwsgi.node"][0] == "bytes"
    assert shown.get("uwsgi.core", ("none",))[0] == ("int" if door.threads else "none")


def test_every_value_is_native(door: Door) -> None:
    """All values but those of the server's own keys are str."""
    assert {kind for key, (kind, _) in environ(door).items() if "." not in key} == {"str"}


@pytest.mark.uwsgi
@pytest.mark.differs("missing keys")
def test_path_keys_are_always_there(door: Door) -> None:
    """SCRIPT_NAME and PATH_INFO are there even if the peer sends neither."""
    assert environ(door)["SCRIPT_NAME"] == ("str", "")
    sent = variables("/")
    del sent["PATH_INFO"]
    answer = door.exchange(door.encode(sent))
    # Its path is the empty string, which serves nothing here.
    assert (answer.code, answer.body) == (404, b"nothing here\n")


@pytest.mark.uwsgi
def test_repeated_variable(door: Door) -> None:
    """Of a repeated variable the last value counts."""
    first, second = encode({"TWICE": "first"})[4:], encode({"TWICE": "second"})[4:]
    block = first + door.encode(variables("/environ"))[4:] + second
    shown = json.loads(door.exchange(b"\0" + len(block).to_bytes(2, "little") + b"\0" + block).body)
    assert shown["TWICE"] == ["str", "second"]


def test_utf8_path(door: Door) -> None:
    """A path in UTF-8 arrives as PEP 3333 says: its bytes as latin-1 characters."""
    assert door.get("/caf\xc3\xa9").body.decode() == "/café"


@pytest.mark.uwsgi
@pytest.mark.parametrize(
    ("extra", "scheme"),
    [
        ({"HTTPS": "on"}, "https"),
        ({"HTTPS": "1"}, "https"),
        ({"HTTPS": "off"}, "http"),
        ({"HTTPS": ""}, "http"),
        ({"UWSGI_SCHEME": "https"}, "https"),
        ({"REQUEST_SCHEME": "https"}, "http"),
    ],
)
def test_scheme(door: Door, extra: dict[str, str], scheme: str) -> None:
    """nginx says https by HTTPS or UWSGI_SCHEME."""
    assert environ(door, **extra)["wsgi.url_scheme"] == ("str", scheme)


@pytest.mark.differs("forwarded scheme")
@pytest.mark.parametrize("name", ["HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_SSL"])
@pytest.mark.parametrize("value", ["https", "on"])
def test_scheme_is_not_the_clients_to_say(door: Door, name: str, value: str) -> None:
    """A header of the client does not make its request https."""
    assert environ(door, **{name: value})["wsgi.url_scheme"] == ("str", "http")


@pytest.mark.uwsgi
@pytest.mark.differs("dangerous variables")
def test_peer_cannot_replace_the_servers_keys(door: Door) -> None:
    """Keys of the server's own keep their objects, whatever a peer sends under the same name."""
    own = environ(door)
    sent = {key: "forged" for key in own if key.startswith(("wsgi.", "uwsgi."))}
    shown = environ(door, **sent)
    assert {key: shown[key][0] for key in sent} == {key: own[key][0] for key in sent}
    assert "forged" not in [value for _, value in shown.values()]


@pytest.mark.differs("dangerous variables")
def test_httpoxy(door: Door) -> None:
    """A client's Proxy header does not become HTTP_PROXY (CVE-2016-5385)."""
    assert "HTTP_PROXY" not in environ(door, HTTP_PROXY="http://evil.example")


@pytest.mark.uwsgi
@pytest.mark.differs("dangerous variables")
def test_named_file_is_not_run(door: Door, tmp_path: Path) -> None:
    """UWSGI_FILE runs nothing, and is one warning in the log however often it comes."""
    trace, script = tmp_path / "trace", tmp_path / "evil.py"
    script.write_text(f"open({str(trace)!r}, 'w').close()\n\ndef application(environ, start_response): pass\n")
    mark = door.mark()
    for _ in range(3):
        # Together they come in no other test: one warning is for one set of names.
        assert door.get("/hello", UWSGI_FILE=str(script), UWSGI_CALLABLE="application").body == b"hello\n"
    assert not trace.exists()
    assert len([line for line in door.complaints(mark) if "UWSGI_FILE" in line]) == 1


@pytest.mark.uwsgi
@pytest.mark.differs("dangerous variables")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UWSGI_APPID", "/other"),
        ("UWSGI_CALLABLE", "app_a"),
        ("UWSGI_CHDIR", "/"),
        ("UWSGI_FILE", "exec://touch {trace}"),
        ("UWSGI_HOME", "/nonexistent"),
        ("UWSGI_MODULE", "this"),
        ("UWSGI_POSTFILE", "/etc/hostname"),
        ("UWSGI_PYHOME", "/nonexistent"),
        ("UWSGI_SCRIPT", "this"),
        ("UWSGI_SETENV", "CONTRACT_FORGED=yes"),
        ("UWSGI_TOUCH_RELOAD", "{trace}"),
        ("UWSGI_CACHE_GET", "key"),
    ],
)
def test_peer_cannot_steer_the_server(door: Door, tmp_path: Path, name: str, value: str) -> None:
    """No variable chooses the application, the directory, the environment or the body."""
    trace = tmp_path / "trace"
    trace.write_text("")
    before = json.loads(door.get("/process").body)
    forged = {name: value.format(trace=trace)}
    assert door.get("/hello", **forged).body == b"hello\n"
    assert door.post("/read-all", b"body", **forged).body == b"body"
    assert json.loads(door.get("/process", **forged).body) == before


def test_errors_go_to_the_log(door: Door) -> None:
    """What is written to wsgi.errors is in the log."""
    word = token()
    door.get(f"/errors?token={word}")
    assert f"complaint {word}" in door.server.text()
