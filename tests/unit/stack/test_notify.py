"""The receiving end of sd_notify, against the server's own sending end."""

import os
import stat
from pathlib import Path

import pytest

from uncork.stack.notify import NotifySocket, parse
from uncork.system.notify import notify


@pytest.mark.parametrize(
    ("datagram", "message"),
    [
        (b"READY=1", {"READY": "1"}),
        (b"READY=1\nSTATUS=4 workers = all\n", {"READY": "1", "STATUS": "4 workers = all"}),
        (b"", {}),
        (b"nonsense\n=\xff", {"": "�"}),
    ],
)
def test_parse(datagram: bytes, message: dict[str, str]) -> None:
    """One assignment a line; anything else is passed over, whatever bytes come."""
    assert parse(datagram) == message


def test_what_the_server_sends_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages come in order, none is left behind, and nobody else may send."""
    path = tmp_path / "notify.sock"
    receiver = NotifySocket(str(path))
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        notify("STATUS=loading")
        notify("READY=1", f"MAINPID={os.getpid()}")
        received = receiver.receive()
        again = receiver.receive()
    finally:
        receiver.close()

    assert received == [{"STATUS": "loading"}, {"READY": "1", "MAINPID": str(os.getpid())}]
    assert again == []
    assert mode == 0o600
    assert not path.exists()


def test_a_path_that_cannot_be_bound_leaves_nothing_open(tmp_path: Path) -> None:
    """The error reaches the caller and the descriptor is closed."""
    with pytest.raises(OSError, match="No such file"):
        NotifySocket(str(tmp_path / "gone" / "notify.sock"))
