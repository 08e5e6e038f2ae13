"""Become a program that was passed listening sockets, as systemd starts one (sd_listen_fds(3)).

    python -m harness.activate PATH COMMAND...

asks at the socket PATH for the descriptors and their names, moves them to 3 and on, and becomes COMMAND.
"""

import os
import socket
import sys

# SD_LISTEN_FDS_START.
FIRST = 3
# Beyond all that is open here.
APART = 500


def main(path: str, *command: str) -> None:
    """Never returns."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(path)
        names, fds, _, _ = socket.recv_fds(sock, 65536, 64)
    for number, fd in enumerate(fds):
        os.dup2(fd, APART + number)
    os.closerange(FIRST, APART)
    for number in range(len(fds)):
        os.dup2(APART + number, FIRST + number)
    os.closerange(APART, APART + len(fds))
    # Without any, systemd sets none of them.
    if fds:
        os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": names.decode()}
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
