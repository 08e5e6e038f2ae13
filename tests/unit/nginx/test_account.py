"""Whom nginx's workers run as."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import uncork
from uncork.nginx import account
from uncork.nginx.account import worker_account
from uncork.nginx.binary import NginxError

SOURCE = str(Path(uncork.__file__).parents[1])

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone has to choose")


@pytest.mark.skipif(os.geteuid() == 0, reason="root has to choose")
def test_an_ordinary_user_stays_who_he_is() -> None:
    """Without root nobody can become anybody, and nothing needs to be said to nginx."""
    assert worker_account() is None


@needs_root
def test_root_hands_over_to_an_account_without_rights() -> None:
    """The account exists and is not root."""
    chosen = worker_account()

    assert chosen is not None
    assert chosen.uid == pwd.getpwnam(chosen.user).pw_uid != 0


@needs_root
def test_without_such_an_account_root_is_told() -> None:
    """There is no silent fallback to workers that are root."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account, "CANDIDATES", ("no-such-user",))
        with pytest.raises(NginxError, match="no account without rights for its workers: create one of no-such-user"):
            worker_account()


def test_where_root_is_only_a_name_it_stays() -> None:
    """In a user namespace that maps nobody else, dropping is impossible and root has an ordinary user's rights."""
    inside = ["unshare", "--user", "--map-root-user"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no user namespaces here")
    script = "from uncork.nginx.account import worker_account; print(worker_account())"
    answer = subprocess.run(
        [*inside, sys.executable, "-c", script], capture_output=True, text=True, check=False, env={"PYTHONPATH": SOURCE}
    )

    assert answer.stdout == "WorkerAccount(user='root', group='root', uid=0, gid=0)\n", answer.stderr
