"""Becoming another user, for good.  Every test that changes identity does so in a process of its own."""

import os
import pwd
from collections.abc import Callable

import pytest

from uncork.errors import UncorkError
from uncork.system.privileges import Moment, check, drop, moment
from uncork.system.process import fork

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = pwd.getpwnam("nobody")


def in_child(act: Callable[[], None]) -> None:
    """Run `act` in a process of its own; it fails the test if it raises."""

    def main() -> int:
        act()
        return 42

    _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42


def test_without_uid_and_gid_nothing_changes() -> None:
    """And nothing is logged."""
    before = os.getresuid(), os.getresgid(), os.getgroups()

    assert drop(None, None) == []
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before


def test_to_become_oneself_is_no_change() -> None:
    """A configuration with uid and gid also starts under that very user, without root."""
    assert drop(str(os.geteuid()), str(os.getegid())) == []


@AS_ROOT
@pytest.mark.parametrize(
    ("uid", "gid", "group"),
    [
        ("nobody", None, NOBODY.pw_gid),
        (str(NOBODY.pw_uid), None, NOBODY.pw_gid),
        ("nobody", "54321", 54321),
        ("nobody", "root", 0),
    ],
)
def test_a_user_is_taken_on_with_its_group(uid: str, gid: str | None, group: int) -> None:
    """Real, effective and saved ids, and the supplementary groups; the way back is closed."""

    def act() -> None:
        os.setgroups([0, 12345])
        assert drop(uid, gid) == [f"setgid() to {group}", f"setuid() to {NOBODY.pw_uid}"]
        assert os.getresuid() == (NOBODY.pw_uid,) * 3
        assert os.getresgid() == (group,) * 3
        assert 12345 not in os.getgroups()
        with pytest.raises(PermissionError):
            os.setuid(0)
        with pytest.raises(PermissionError):
            os.seteuid(0)
        with pytest.raises(PermissionError):
            os.setgroups([0])

    in_child(act)


@AS_ROOT
def test_a_group_alone_leaves_the_user() -> None:
    """And drops every other group."""

    def act() -> None:
        os.setgroups([0, 12345])
        assert drop(None, "54321") == ["setgid() to 54321"]
        assert os.getresgid() == (54321,) * 3
        assert os.getgroups() == []
        assert os.geteuid() == 0

    in_child(act)


@AS_ROOT
@pytest.mark.parametrize(("uid", "gid"), [("root", None), ("root", "root"), (None, "root"), ("nobody", "root")])
def test_who_is_not_root_cannot_change(uid: str | None, gid: str | None) -> None:
    """It is said which options ask for it, and what to do."""

    def act() -> None:
        drop("nobody", None)
        for act_or_check in (drop, check):
            with pytest.raises(UncorkError, match=f"^uid = {uid}, gid = {gid}: only root may change them"):
                act_or_check(uid, gid)
        assert os.getresuid() == (NOBODY.pw_uid,) * 3

    in_child(act)


@pytest.mark.parametrize(
    ("uid", "gid", "message"),
    [
        ("no-such-user", None, "^uid = no-such-user: there is no such user"),
        ("nobody", "no-such-group", "^gid = no-such-group: there is no such group"),
        (None, "no-such-group", "^gid = no-such-group: there is no such group"),
        ("-1", None, "^uid = -1: there is no such user"),
        (None, "-1", "^gid = -1: there is no such group"),
        ("99999999999999999999", None, "there is no such user"),
        pytest.param(
            None,
            "99999999999999999999",
            "there is no such group",
            marks=AS_ROOT,
        ),
    ],
)
def test_who_does_not_exist_is_refused(uid: str | None, gid: str | None, message: str) -> None:
    """Before anything has changed."""

    def act() -> None:
        before = os.getresuid(), os.getresgid(), os.getgroups()
        for act_or_check in (check, drop):
            with pytest.raises(UncorkError, match=message):
                act_or_check(uid, gid)
        assert (os.getresuid(), os.getresgid(), os.getgroups()) == before

    in_child(act)


@AS_ROOT
def test_a_number_needs_no_entry_in_the_list_of_users() -> None:
    """Containers run under numbers that their system has no name for."""

    def act() -> None:
        os.setgroups([0, 12345])
        drop("54321", "54322")
        assert (os.getresuid(), os.getresgid(), os.getgroups()) == ((54321,) * 3, (54322,) * 3, [])

    in_child(act)


def test_a_check_changes_nothing() -> None:
    """It only says what would fail."""
    before = os.getresuid(), os.getresgid(), os.getgroups()
    check(None, None, ["no-such-group"])
    check(str(os.geteuid()), str(os.getegid()))
    if os.geteuid() == 0:
        check("nobody", "root", ["root"])
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before


@AS_ROOT
def test_the_users_own_groups_come_with_it() -> None:
    """Those that the system has for it, the further ones, or none."""

    def groups(*further: str, initgroups: bool = True) -> set[int]:
        read, write = os.pipe()

        def act() -> None:
            os.setgroups([0, 12345])
            drop("nobody", "54321", further, initgroups)
            os.write(write, " ".join(map(str, os.getgroups())).encode())

        in_child(act)
        os.close(write)
        with open(read) as file:
            return set(map(int, file.read().split()))

    own = set(os.getgrouplist("nobody", 54321))
    assert groups() == own
    assert groups("777", "root", "777") == own | {777, 0}
    assert groups(initgroups=False) == set()
    assert groups("777", initgroups=False) == {777}


@AS_ROOT
def test_root_itself_can_be_given_a_further_group() -> None:
    """Although it need not become anybody."""

    def act() -> None:
        os.setgroups([])
        drop("root", "root", ["777"])
        assert 777 in os.getgroups()

    in_child(act)


def test_an_unknown_further_group_is_refused() -> None:
    """Under the name of its option."""
    with pytest.raises(UncorkError, match=r"^add-gid = no-such-group: there is no such group"):
        drop("nobody", None, ["no-such-group"])


@pytest.mark.parametrize(
    ("chown_socket", "after_init", "after_apps", "master_as_root", "expected"),
    [
        (False, False, False, False, Moment.BEFORE_SOCKETS),
        (True, False, False, False, Moment.AFTER_SOCKETS),
        (False, True, False, False, Moment.AFTER_SOCKETS),
        (True, True, False, True, Moment.BEFORE_APPS),
        (False, False, False, True, Moment.BEFORE_APPS),
        (True, True, True, False, Moment.AFTER_APPS),
        (False, False, True, True, Moment.AFTER_APPS),
    ],
)
def test_the_moment_is_the_latest_that_an_option_asks_for(
    chown_socket: bool, after_init: bool, after_apps: bool, master_as_root: bool, expected: Moment
) -> None:
    """uWSGI's order, save that its master-as-root imports the app as root."""
    assert moment(chown_socket, after_init, after_apps, master_as_root) is expected
