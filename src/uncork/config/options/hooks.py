"""Options of what is done at fixed moments of a start, of a worker and of a stop.

Pure.  `hook-MOMENT` does one of `ACTIONS`, `exec-MOMENT` runs a command; both may be given several times, and hooks are
done first (uWSGI core/hooks.c).  How an action is done is in `supervise/hookactions.py`; `hook-master-start`, which
gives signals another meaning too, is an option of the group `control`.
"""

from collections.abc import Mapping

from uncork.config.kinds import COMMANDS, TextList
from uncork.config.option import group, option

# What stands behind the colon of each action that is done here.
ACTIONS: Mapping[str, str] = {
    "append": "FILE TEXT",
    "cd": "DIR",
    "chdir": "DIR",
    "chmod": "FILE MODE",
    "chown": "FILE USER GROUP",
    "chown2": "FILE UID GID",
    "creat": "FILE",
    "create": "FILE",
    "exec": "COMMAND",
    "exit": "STATUS",
    "hostname": "NAME",
    "log": "TEXT",
    "appendn": "FILE TEXT",
    "mkdir": "DIR",
    "print": "TEXT",
    "putenv": "NAME=VALUE",
    "safeexec": "COMMAND",
    "sticky": "FILE",
    "unlink": "FILE",
    "wait_for_dir": "DIR",
    "wait_for_file": "FILE",
    "wait_for_fs": "PATH",
    "wait_for_socket": "ADDRESS",
    "write": "FILE TEXT",
    "writefifo": "FIFO TEXT",
    "writen": "FILE TEXT",
}

# Actions of uWSGI's that do nothing here, and what else there is.
IDLE: Mapping[str, str] = {
    "alarm": "alarms are raised by the log, not by a hook (log-alarm); exec:COMMAND can tell somebody",
    "call": "there are no functions in C to call; an app has uwsgi.post_fork_hook",
    "callint": "there are no functions in C to call; an app has uwsgi.post_fork_hook",
    "callintret": "there are no functions in C to call; an app has uwsgi.post_fork_hook",
    "callret": "there are no functions in C to call; an app has uwsgi.post_fork_hook",
    "mount": "file systems are the system's business; exec:mount does it",
    "retryrpc": "nothing answers remote calls at this moment",
    "rpc": "nothing answers remote calls at this moment",
    "spinningfifo": "writefifo:FIFO TEXT writes to a FIFO that somebody reads",
    "umount": "file systems are the system's business; exec:umount does it",
    "unix_signal": "signals are given a meaning in hook-master-start",
}


def action_of(text: str) -> tuple[str, str]:
    """(name of the action, what stands behind the colon) of a hook."""
    action, _, argument = text.partition(":")
    return action, argument


def is_hook(text: str) -> bool:
    """Whether this is an action that uWSGI knows: `exec:COMMAND`."""
    action, colon, _ = text.partition(":")
    return bool(colon) and (action in ACTIONS or action in IDLE)


_HOOKS = TextList("ACTION", f"ACTION:ARGUMENT, ACTION one of {', '.join(ACTIONS)}", is_hook, needed=True)


@group
class Hooks:
    """Actions by their moment.  Those of the first process are done once; a reload does not repeat them."""

    hook_asap: tuple[str, ...] = option(
        "hook-asap",
        kind=_HOOKS,
        default=(),
        help="do this first of all, once, before anything is opened and as the user that starts the server",
    )
    hook_pre_jail: tuple[str, ...] = option(
        "hook-pre-jail",
        kind=_HOOKS,
        default=(),
        help="do this once, before the server changes its user; there is no jail that it would be before",
    )
    hook_in_jail: tuple[str, ...] = option(
        "hook-in-jail",
        kind=_HOOKS,
        default=(),
        help="do this once, right behind hook-pre-jail",
    )
    hook_as_root: tuple[str, ...] = option(
        "hook-as-root",
        kind=_HOOKS,
        default=(),
        help="do this right before root's rights are given up; not for a server that root does not start",
    )
    hook_as_user: tuple[str, ...] = option(
        "hook-as-user",
        kind=_HOOKS,
        default=(),
        help="do this right after root's rights are given up; not for a server that root does not start",
    )
    hook_as_user_atexit: tuple[str, ...] = option(
        "hook-as-user-atexit",
        kind=_HOOKS,
        default=(),
        help="do this when the server ends, also when its start fails; not at a reload",
    )
    hook_pre_app: tuple[str, ...] = option(
        "hook-pre-app",
        kind=_HOOKS,
        default=(),
        help="do this before the app is imported, at the start and at each reload; a reload fails with it",
    )
    hook_post_app: tuple[str, ...] = option(
        "hook-post-app",
        kind=_HOOKS,
        default=(),
        help="do this after the app is imported, at the start and at each reload; a reload fails with it",
    )
    hook_post_fork: tuple[str, ...] = option(
        "hook-post-fork",
        kind=_HOOKS,
        default=(),
        help="do this in each worker after its fork; one whose hook fails does not serve, and a reload fails with it",
    )
    hook_accepting: tuple[str, ...] = option(
        "hook-accepting",
        kind=_HOOKS,
        default=(),
        help="do this in each worker right before it accepts connections",
    )
    hook_accepting1: tuple[str, ...] = option(
        "hook-accepting1",
        kind=_HOOKS,
        default=(),
        help="do this in worker 1 right before it accepts connections",
    )
    hook_accepting_once: tuple[str, ...] = option(
        "hook-accepting-once",
        kind=_HOOKS,
        default=(),
        help="the same as hook-accepting, but not in a worker that replaces another one; needs a master",
    )
    hook_accepting1_once: tuple[str, ...] = option(
        "hook-accepting1-once",
        kind=_HOOKS,
        default=(),
        help="the same as hook-accepting1, but not in a worker that replaces another one; needs a master",
    )
    exec_asap: tuple[str, ...] = option(
        "exec-asap",
        kind=COMMANDS,
        default=(),
        help="run this command at the moment of hook-asap; if it fails the server does not start",
    )
    exec_pre_jail: tuple[str, ...] = option(
        "exec-pre-jail",
        kind=COMMANDS,
        default=(),
        help="run this command at the moment of hook-pre-jail; if it fails the server does not start",
    )
    exec_in_jail: tuple[str, ...] = option(
        "exec-in-jail",
        kind=COMMANDS,
        default=(),
        help="run this command at the moment of hook-in-jail; if it fails the server does not start",
    )
    exec_as_root: tuple[str, ...] = option(
        "exec-as-root",
        kind=COMMANDS,
        default=(),
        help="run this command at the moment of hook-as-root; if it fails the server does not start",
    )
    exec_as_user: tuple[str, ...] = option(
        "exec-as-user",
        kind=COMMANDS,
        default=(),
        help="run this command at the moment of hook-as-user; if it fails the server does not start",
    )
    exec_as_user_atexit: tuple[str, ...] = option(
        "exec-as-user-atexit",
        kind=COMMANDS,
        default=(),
        help="run this command when the server ends, also when its start fails; not at a reload",
    )
    exec_pre_app: tuple[str, ...] = option(
        "exec-pre-app",
        kind=COMMANDS,
        default=(),
        help="run this command before the app is imported; if it fails the server does not start, or the reload fails",
    )
    exec_post_app: tuple[str, ...] = option(
        "exec-post-app",
        kind=COMMANDS,
        default=(),
        help="run this command after the app is imported; if it fails the server does not start, or the reload fails",
    )

    def at(self, moment: str) -> tuple[tuple[str, str], ...]:
        """(option, hook) of a moment such as `pre-app`, in the order in which they are done; commands as `exec:...`."""
        field = moment.replace("-", "_")
        hooks: tuple[str, ...] = getattr(self, f"hook_{field}")
        commands: tuple[str, ...] = getattr(self, f"exec_{field}", ())
        return (
            *((f"hook-{moment}", hook) for hook in hooks),
            *((f"exec-{moment}", f"exec:{command}") for command in commands),
        )

    @property
    def before_sockets(self) -> bool:
        """Whether something is done that may make the directories which the server is to use."""
        return any(self.at(moment) for moment in ("asap", "pre-jail", "in-jail", "as-root", "as-user"))
