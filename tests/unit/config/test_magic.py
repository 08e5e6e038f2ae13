"""Magic variables of configuration files."""

import os
import sys
from pathlib import Path

import pytest

import uncork
from uncork.config.magic import ConfigFile, locate, substitute

FILE = ConfigFile("conf/app.v2.ini", "/srv/web/conf/app.v2.ini", "live")
FIRST = ConfigFile("/etc/base.ini", "/etc/base.ini", "")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("%o", "conf/app.v2.ini"),
        ("%p", "/srv/web/conf/app.v2.ini"),
        ("%s", "app.v2.ini"),
        ("%n", "app.v2"),
        ("%e", "ini"),
        ("%d", "/srv/web/conf/"),
        ("%c", "conf"),
        ("%x", "live"),
        ("%0|%1|%2|%3|%9", "srv|web|conf||"),
        ("%O %P %S %N %E %D %C %X", "/etc/base.ini /etc/base.ini base.ini base ini /etc/ etc "),
        ("%%", "%"),
        ("%%d", "%d"),
        ("%(name)", "%(name)"),
        ("%%(name)", "%(name)"),
        ("%[0m", "\0330m"),
        ("%q%Q%~", ""),
        ("100%éb", "100\udca9b"),
        ("%\udcffz", "z"),
        ("%H %M", " "),
        ("100%", "100"),
        ("%u %g", f"{os.getuid()} {os.getgid()}"),
        ("%k", str(os.cpu_count())),
        ("%h", os.uname().nodename),
        ("%v", os.getcwd()),
        ("%V", uncork.__version__),
        ("%b", os.path.realpath(sys.argv[0])),
    ],
)
def test_variable(text: str, value: str) -> None:
    """Each letter has its value, and an unknown one none."""
    assert substitute(text, FILE, FIRST) == value


def test_hash_is_that_of_uwsgi() -> None:
    """`%j` is the number that uWSGI 2.0.30 shows for this path."""
    assert substitute("%j", ConfigFile("a.ini", "/srv/web/app.ini", ""), FIRST) == "4CC769C2"


@pytest.mark.parametrize(("name", "parts"), [("conf", "conf|"), (".hid", "|hid"), ("a.b", "a|b"), ("a.", "a|")])
def test_name_and_extension(name: str, parts: str) -> None:
    """The extension begins at the last dot."""
    assert substitute("%n|%e", ConfigFile(name, f"/{name}", ""), FIRST) == parts


def test_file_at_the_root() -> None:
    """A file at the root has a directory and no parts of one."""
    assert substitute("%d|%c|%0", ConfigFile("a.ini", "/a.ini", ""), FIRST) == "/||"


def test_names_of_user_and_time() -> None:
    """User and group are words or numbers, the times whole numbers."""
    user, group, seconds, micros = substitute("%U %G %t %T", FILE, FIRST).split()
    assert user
    assert group
    assert int(micros) // 1_000_000 == int(seconds)


def test_inode(tmp_path: Path) -> None:
    """`%i` is the number of the file itself, or of the link to it."""
    path = tmp_path / "a.ini"
    path.touch()
    assert substitute("%i", ConfigFile("a.ini", str(path), ""), FIRST) == str(path.stat().st_ino)
    link = tmp_path / "link.ini"
    link.symlink_to(path)
    assert substitute("%i", locate(str(link), ""), FIRST) == str(link.lstat().st_ino)


def test_locate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A regular file is found under its real path, a symbolic link under its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.ini").touch()
    (tmp_path / "link.ini").symlink_to("real/a.ini")
    (tmp_path / "folder").symlink_to("real")
    base = os.path.realpath(tmp_path)
    assert locate("folder/a.ini", "x") == ConfigFile("folder/a.ini", f"{base}/real/a.ini", "x")
    assert locate("link.ini", "") == ConfigFile("link.ini", f"{base}/link.ini", "")
