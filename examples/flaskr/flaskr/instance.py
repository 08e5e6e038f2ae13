"""The instance folder: what must outlive a restart, made once, however many processes start together.

Runs in: every process that imports the app.  Everything made here is readable by its owner only.
"""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# 256 bits, as hexadecimal text so that a person can move the file by copy and paste.
KEY_CHARACTERS = 64


def prepare(folder: Path) -> None:
    """Make the folder with mode 0700, unless it is there.

    Raises OSError with a note when it cannot be made or written.
    """
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "no permission to write", str(folder))
    except OSError as error:
        error.add_note("flaskr keeps its data there: let FLASKR_INSTANCE name a folder that this user can write")
        raise


def secret_key(folder: Path) -> str:
    """The key that signs the sessions, the same one in every process.

    Raises ValueError when the file was damaged: a short key would make forged sessions possible.
    """
    path = folder / "secret_key"
    create_once(path, lambda draft: draft.write_text(secrets.token_hex(KEY_CHARACTERS // 2)))
    key = path.read_text().strip()
    if len(key) < KEY_CHARACTERS:
        raise ValueError(
            f"{path}: {len(key)} characters (expected {KEY_CHARACTERS}); "
            "delete the file and the next start makes a new one, everybody then logs in again"
        )
    return key


def create_once(path: Path, fill: Callable[[Path], object]) -> None:
    """Make `path` whole and private (mode 0600), unless it is there.

    `fill` writes a draft beside it; the draft then takes the name in one step.  So nobody ever sees half a file, and of
    several processes that ask at once the first makes it and the others find it made.
    """
    if path.exists():
        return
    with locked(path.parent):
        if path.exists():
            return
        # mkstemp opens with O_EXCL and mode 0600: no other program's file or link can be in its place.
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            fill(Path(draft))
            os.fsync(descriptor)
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
        finally:
            os.close(descriptor)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it if this process dies."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
