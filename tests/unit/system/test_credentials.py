"""Who is at the other end of a unix socket."""

import os
import socket

import pytest

from uncork.system import process
from uncork.system.credentials import peer_credentials

NOBODY = 65534


def test_the_other_end_of_a_pair() -> None:
    """It is this process."""
    one, other = socket.socketpair()
    with one, other:
        assert peer_credentials(one) == (os.getpid(), os.geteuid(), os.getegid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user() -> None:
    """Who connects is the user that it is then, whatever it was before."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("")  # the kernel chooses a name
        listener.listen()

        def main() -> int:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(listener.getsockname())
                client.recv(1)
            return 0

        pid = process.fork(main)
        listener.settimeout(20)
        accepted, _ = listener.accept()
        with accepted:
            assert peer_credentials(accepted) == (pid, NOBODY, NOBODY)
        os.waitpid(pid, 0)


def test_no_unix_socket() -> None:
    """The kernel knows nobody."""
    with socket.socket() as tcp:
        assert peer_credentials(tcp).pid == 0
