"""What the kernel lets the processes of the server have (options `limit-as`, `limit-nproc`, `max-fd`).

Runs in: the first process, before it gives root's rights up; all others inherit it (setrlimit(2)).
"""

import resource

from uncork.errors import UncorkError

MEGABYTE = 1024 * 1024


def limit(address_space: int | None, processes: int | None, descriptors: int | None) -> list[str]:
    """Set the limits that are not None: megabytes, processes of the user, open files; the lines to log.

    Raises UncorkError if one of the first two cannot be set.  More open files than the system allows are as many as it
    does, as in uWSGI (core/uwsgi.c).
    """
    lines: list[str] = []
    if processes is not None:
        _set("limit-nproc", resource.RLIMIT_NPROC, processes, processes)
        lines.append(f"limiting number of processes to {processes}")
    if address_space is not None:
        _set("limit-as", resource.RLIMIT_AS, address_space * MEGABYTE, address_space)
        lines.append(f"limiting the address space of each process to {address_space} MB")
    if descriptors is not None:
        lines.extend(_open_files(descriptors))
    return lines


def _set(option: str, number: int, value: int, given: int) -> None:
    try:
        resource.setrlimit(number, (value, value))
    except (OSError, ValueError, OverflowError) as error:
        raise UncorkError(f"{option} = {given}: the system does not allow it ({str(error).lower()})") from None


def _open_files(wanted: int) -> list[str]:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    except (OSError, ValueError, OverflowError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return [f"max-fd = {wanted}: the system allows {hard} open files, and no more"]
    return [f"max file descriptor number: {wanted}"]
