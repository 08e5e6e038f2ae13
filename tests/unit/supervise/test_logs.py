"""From options to log files."""

import grp
import os
import pwd
from pathlib import Path

import pytest

from uncork.config.load import load
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.supervise.logs import log_file, log_owner

ME = pwd.getpwuid(os.geteuid())


def settings(*argv: str) -> Settings:
    """What a command line means."""
    return load(list(argv), {}).settings


@pytest.mark.parametrize(("given", "asked"), [("", "logto"), ("--logto=/a", "logto2"), ("--logto2=/a", "logto")])
def test_without_the_option_there_is_no_file(given: str, asked: str) -> None:
    """Neither option stands in for the other: they are opened at different times."""
    assert log_file(settings(*given.split()), asked) is None


@pytest.mark.parametrize("option", ["logto", "logto2"])
def test_all_that_is_said_about_log_files_concerns_this_one(tmp_path: Path, option: str) -> None:
    """Mode, backup and whether it is emptied."""
    path = tmp_path / "log"
    path.write_text("old")
    given = (f"--{option}={path}", "--logfile-chmod=604", f"--log-backupname={tmp_path}/backup", "--log-truncate")
    log = log_file(settings(*given), option)
    assert log is not None
    os.close(log.descriptor())

    assert path.read_text() == ""
    assert path.stat().st_mode & 0o777 == 0o604
    assert log.rename() == f"{tmp_path}/backup"


def test_an_error_names_the_option(tmp_path: Path) -> None:
    """Both are paths, and either may be wrong."""
    log = log_file(settings(f"--logto2={tmp_path}/nosuch/log"), "logto2")
    assert log is not None
    with pytest.raises(UncorkError, match=f"^logto2 = {tmp_path}/nosuch/log: no such file"):
        log.descriptor()


@pytest.mark.parametrize(
    ("argv", "owner"),
    [
        ((), (-1, -1)),
        (("--uid=12345", "--gid=54321"), (-1, -1)),
        (("--logfile-chown",), (-1, -1)),
        (("--logfile-chown", "--uid=4000000"), (4000000, -1)),
        (("--logfile-chown", "--uid=4000000", "--gid=54321"), (4000000, 54321)),
        (("--logfile-chown", "--gid=54321"), (-1, 54321)),
        (("--logfile-chown", f"--uid={ME.pw_name}"), (ME.pw_uid, ME.pw_gid)),
        (("--logfile-chown", f"--uid={ME.pw_uid}"), (ME.pw_uid, ME.pw_gid)),
        (("--logfile-chown", f"--gid={grp.getgrgid(ME.pw_gid).gr_name}"), (-1, ME.pw_gid)),
    ],
)
def test_log_files_are_given_to_whom_the_server_becomes(argv: tuple[str, ...], owner: tuple[int, int]) -> None:
    """Option `logfile-chown`; a user without a group means the user's own."""
    assert log_owner(settings(*argv)) == owner


@pytest.mark.parametrize("name", ["uid", "gid"])
def test_a_name_that_nobody_has_is_an_error(name: str) -> None:
    """Before anything is opened."""
    with pytest.raises(UncorkError, match=f"^logfile-chown: {name} = nosuchname: the system knows no such name"):
        log_owner(settings("--logfile-chown", f"--{name}=nosuchname"))
