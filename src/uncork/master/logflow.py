"""The parts of the log relay: one of our pipes, and a destination with what waits for it.

    Intake                              a pipe that the processes below the master write into
      logbacklog.Lines                  pure: whole lines out of what was read
      logroute.Router                   where each of them goes
      Outlet                            a destination
        logbacklog.Backlog              pure: what waits for it, what is dropped, what is said about that
        logtargets.Target

Runs in: master.  Must not: block.
"""

import fcntl
import os
import select
import selectors
import time
from collections.abc import Sequence

from uncork.master.logbacklog import BACKLOG_SIZE, Backlog, Lines
from uncork.master.logroute import Router
from uncork.master.logtargets import CHUNK, Target
from uncork.system import logwriter

# F_SETPIPE_SZ: what an unprivileged process may ask for (/proc/sys/fs/pipe-max-size).  Workers that write 4 kB a
# request fill it in no less than 256 requests, should the master be busy.
PIPE_SIZE = 2**20
# A destination that is behind by half a backlog is waited for, so that a burst is not lost.  After so many seconds it
# is slower than the server, and lines for it are dropped;
PATIENCE = 1.0
# and after so many in which it took nothing it is stuck.  Less than the patience of those who write meanwhile.
STUCK_AFTER = logwriter.PATIENCE / 2
# What fails (a full disk, a reader that is gone) is tried again after so many seconds.
RETRY = 1.0
# After a read a pipe is left alone for so long, in seconds: a flood of lines costs the master 50 turns a second.
REST = 0.02
# So many seconds go into the lines of one turn; what rules may take of it has a bound of its own (`logroute`).
TURN = 0.1


# ---- one destination -------------------------------------------------------------------------------------------------


class Outlet:
    """A destination and what waits for it."""

    def __init__(self, target: Target, selector: selectors.BaseSelector, limit: int = BACKLOG_SIZE) -> None:
        self.target = target
        self.backlog = Backlog(limit)
        self._selector = selector
        # The descriptor that the selector watches for us, -1 for none.
        self._watched = -1
        # When to try again what failed; 0.0 for nothing.
        self.retry_at = 0.0
        # Since when half of the backlog is full; 0.0 while it is not.
        self._behind_since = 0.0
        self._took_at = 0.0
        self._why = ""

    def put(self, lines: bytes, reserve: int = 0) -> None:
        """Write whole lines, now or later."""
        idle = not self.backlog.size
        self.backlog.add(lines, reserve)
        if idle:
            self.flush()
        else:
            self._measure()

    @property
    def congested(self) -> bool:
        """Whether it is worth waiting for: it is behind, but not for long."""
        if not self._behind_since or self.retry_at:
            return False
        now = time.monotonic()
        took_at = max(self._took_at, self._behind_since)
        return now - self._behind_since < PATIENCE and now - took_at < STUCK_AFTER

    def _measure(self) -> None:
        if self.backlog.size < self.backlog.limit // 2:
            self._behind_since = 0.0
        elif not self._behind_since:
            self._behind_since = time.monotonic()

    def flush(self) -> None:
        """Write what the destination takes now."""
        self.retry_at = 0.0
        try:
            while self.backlog.size:
                self.backlog.advance(self.target.write(*self.backlog.head()), self._why)
                self._took_at = time.monotonic()
        except BlockingIOError:
            self._why = "nobody read them"
            self._watch()
        except OSError as error:
            self._fail(error)
        else:
            self._unwatch()
        self._measure()

    def _fail(self, error: OSError) -> None:
        self._why = str(error.strerror or error).lower()
        self._unwatch()
        self.retry_at = time.monotonic() + RETRY

    def _watch(self) -> None:
        if self._watched == self.target.fd:
            return
        self._unwatch()
        try:
            self._selector.register(self.target.fd, selectors.EVENT_WRITE, self.flush)
            self._watched = self.target.fd
        except (OSError, KeyError, ValueError):
            self.retry_at = time.monotonic() + RETRY

    def _unwatch(self) -> None:
        if self._watched != -1:
            self._selector.unregister(self._watched)
            self._watched = -1

    def renew(self, rotate: bool) -> None:
        """Have the target open its file anew.  Raises UncorkError."""
        self._unwatch()
        try:
            self.target.renew(rotate)
        finally:
            self.flush()

    def finish(self, deadline: float) -> None:
        """Write what is left until `deadline`, as far as somebody takes it."""
        self.flush()
        poll = select.poll()
        while self.backlog.size and not self.retry_at and (left := deadline - time.monotonic()) > 0:
            poll.register(self.target.fd, select.POLLOUT)
            poll.poll(left * 1000)
            self.flush()

    def close(self) -> None:
        """Let the destination go."""
        self._unwatch()
        self.target.close()


# ---- one pipe --------------------------------------------------------------------------------------------------------


class Intake:
    """A pipe of ours, and where its lines go.

    `replaces` are the descriptors in whose place the processes below the master get it; `outlets` are all that `router`
    may pass lines to.  Lines that are not `heard` raise no alarm.
    """

    def __init__(
        self,
        replaces: Sequence[int],
        outlets: Sequence[Outlet],
        selector: selectors.BaseSelector,
        router: Router[Outlet] | None = None,
        heard: bool = True,
    ) -> None:
        self.replaces = replaces
        self.outlets = outlets
        self.router = router or Router(outlets)
        self._selector = selector
        self._is_heard = heard
        self._lines = Lines()
        # Blocking for those who write: programs that the application starts know of no other pipe.
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        # Our own workers know how not to wait.
        self._write_soon = _open_again(self._write)
        try:
            fcntl.fcntl(self._write, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        except OSError:
            pass  # this user has many pipes: it stays as large as they are
        # When to read again; 0.0 while the selector watches.
        self.rests_until = 0.0
        selector.register(self._read, selectors.EVENT_READ, self._heard)

    def _heard(self) -> None:
        self.drain()
        self._selector.unregister(self._read)
        self.rests_until = time.monotonic() + REST

    def rested(self, now: float) -> None:
        """Read what came meanwhile; when nothing did, leave it to the selector."""
        if not self.rests_until or now < self.rests_until:
            return
        if self.drain():
            self.rests_until = now + REST
        else:
            self.rests_until = 0.0
            self._selector.register(self._read, selectors.EVENT_READ, self._heard)

    def drain(self) -> bool:
        """Take what is in the pipe, if router and destinations can; whether anything was or stays there."""
        end = time.monotonic() + TURN
        for number in range(PIPE_SIZE // CHUNK):
            if self.router.resume_at or time.monotonic() > end or any(outlet.congested for outlet in self.outlets):
                return True
            try:
                data = os.read(self._read, CHUNK)
            except BlockingIOError:
                return number > 0
            self._pass_on(self._lines.feed(data))
        return True

    def _pass_on(self, lines: bytes) -> None:
        if lines:
            self.router.put(lines, heard=self._is_heard)

    def stand_in(self, numbers: Sequence[int]) -> None:
        """Put the pipe in place of these descriptors.  Runs in: a child of the master that becomes another program."""
        for number in numbers:
            os.dup2(self._write, number)

    def leave_to_child(self) -> None:
        """Put the pipe in its place and keep no other end of it.  Runs in: a child of the master, after its fork."""
        self.stand_in(self.replaces)
        os.close(self._write)
        os.close(self._read)

    def hand_to(self, writer: logwriter.LogWriter) -> None:
        """Let `writer` write into the pipe.  Runs in: a child of the master."""
        writer.use(self._write_soon)

    def finish(self, deadline: float) -> None:
        """Pass on all that was written until `deadline`, a line without an end, too."""
        while self.drain() and time.monotonic() < deadline:
            self.router.hurry()
            for outlet in self.outlets:
                outlet.finish(deadline)
        self._pass_on(self._lines.flush())
        while self.router.resume_at and time.monotonic() < deadline:
            self.router.hurry()

    def close(self) -> None:
        """Close the pipe."""
        if not self.rests_until:
            self._selector.unregister(self._read)
        for fd in (self._read, self._write, self._write_soon):
            os.close(fd)


def _open_again(pipe: int) -> int:
    """Another open file of the same pipe, one that does not block; where there is no /proc, the same once more."""
    try:
        return os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return os.dup(pipe)
