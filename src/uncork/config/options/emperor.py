"""Options of the Emperor, which starts a server for each configuration file of a directory."""

from uncork.config.kinds import ADDRESS, COMMAND, DIRECTORY, FLAG, PATH, PATHS, Text, TextList, anything, pair
from uncork.config.option import group, option
from uncork.config.quantities import IN_MILLISECONDS, SECONDS, Integer

_ENDING = "the end of a file name, such as .socket"


@group
class Emperor:
    """Where the vassals are, and how they are treated."""

    emperor: tuple[str, ...] = option(
        "emperor",
        kind=TextList("PATH", "a directory, or a pattern of files"),
        default=(),
        help="run a server, a vassal, for each configuration file in this directory or of this pattern",
        acts=False,
    )
    emperor_pidfile: str | None = option(
        "emperor-pidfile",
        kind=PATH,
        default=None,
        help="file to write the process id of the Emperor to",
        acts=False,
    )
    emperor_procname: str | None = option(
        "emperor-procname",
        kind=Text("TEXT", "a text"),
        default=None,
        help="name of the Emperor in ps and top",
        acts=False,
    )
    emperor_stats: str | None = option(
        "emperor-stats",
        "emperor-stats-server",
        kind=ADDRESS,
        default=None,
        help="answer every connection to this address with the state of the vassals as JSON",
        acts=False,
    )
    early_emperor: bool = option(
        "early-emperor",
        kind=FLAG,
        default=False,
        help="start the Emperor before all else",
        acts=False,
    )
    emperor_freq: int = option(
        "emperor-freq",
        kind=SECONDS,
        default=3,
        unit="seconds",
        help="look for new, changed and removed files so often",
        acts=False,
    )
    emperor_throttle: int = option(
        "emperor-throttle",
        kind=Integer(scale=IN_MILLISECONDS),
        default=1000,
        unit="milliseconds",
        help="wait so long before a failed vassal is started again, and longer each time",
        acts=False,
    )
    emperor_max_throttle: int = option(
        "emperor-max-throttle",
        kind=Integer(scale=IN_MILLISECONDS),
        default=180000,
        unit="milliseconds",
        help="the longest such wait",
        acts=False,
    )
    emperor_no_blacklist: bool = option(
        "emperor-no-blacklist",
        kind=FLAG,
        default=False,
        help="start failed vassals again without such a wait",
        acts=False,
    )
    emperor_required_heartbeat: int = option(
        "emperor-required-heartbeat",
        kind=SECONDS,
        default=30,
        unit="seconds",
        help="restart a vassal that has said once that it lives and then does not for so long",
        acts=False,
    )
    emperor_curse_tolerance: int = option(
        "emperor-curse-tolerance",
        kind=SECONDS,
        default=30,
        unit="seconds",
        help="kill a vassal that is still there so long after it was stopped",
        acts=False,
    )
    emperor_graceful_shutdown: bool = option(
        "emperor-graceful-shutdown",
        kind=FLAG,
        default=False,
        help="let vassals finish their requests at the end",
        acts=False,
    )
    emperor_tyrant: bool = option(
        "emperor-tyrant",
        kind=FLAG,
        default=False,
        help="run each vassal as the owner of its file",
        acts=False,
    )
    emperor_tyrant_nofollow: bool = option(
        "emperor-tyrant-nofollow",
        kind=FLAG,
        default=False,
        help="the owner is that of a symbolic link and not of the file that it leads to",
        acts=False,
    )
    emperor_nofollow: bool = option(
        "emperor-nofollow",
        kind=FLAG,
        default=False,
        help="look at symbolic links themselves to see whether a file has changed",
        acts=False,
    )
    emperor_extra_extension: tuple[str, ...] = option(
        "emperor-extra-extension",
        "emperor-extra-ext",
        kind=TextList("TEXT", _ENDING),
        default=(),
        help="files whose name ends so are vassals, too",
        acts=False,
    )
    emperor_magic_exec: bool = option(
        "emperor-magic-exec",
        kind=FLAG,
        default=False,
        help="run a file of a vassal that may be executed, and take what it prints for the configuration",
        acts=False,
    )
    emperor_on_demand_extension: str | None = option(
        "emperor-on-demand-extension",
        "emperor-on-demand-ext",
        kind=Text("TEXT", _ENDING),
        default=None,
        help="start a vassal at the first connection to the address in the file of its name and this ending",
        acts=False,
    )
    emperor_on_demand_directory: str | None = option(
        "emperor-on-demand-directory",
        "emperor-on-demand-dir",
        kind=DIRECTORY,
        default=None,
        help="start a vassal at the first connection to the socket of its name in this directory",
        acts=False,
    )
    emperor_on_demand_exec: str | None = option(
        "emperor-on-demand-exec",
        kind=COMMAND,
        default=None,
        help="start a vassal at the first connection to the address that this command prints for its file",
        acts=False,
    )
    emperor_wrapper: str | None = option(
        "emperor-wrapper",
        kind=PATH,
        default=None,
        help="program to start vassals with in place of this one",
        acts=False,
    )
    emperor_wrapper_override: tuple[str, ...] = option(
        "emperor-wrapper-override",
        kind=PATHS,
        default=(),
        help="program to use in place of that one, if it is there",
        acts=False,
    )
    emperor_wrapper_fallback: tuple[str, ...] = option(
        "emperor-wrapper-fallback",
        kind=PATHS,
        default=(),
        help="program to use where that one cannot be started",
        acts=False,
    )
    emperor_proxy_socket: str | None = option(
        "emperor-proxy-socket",
        kind=PATH,
        default=None,
        help="socket where vassals get what they would otherwise inherit",
        acts=False,
    )
    emperor_broodlord: int = option(
        "emperor-broodlord",
        kind=Integer(),
        default=0,
        unit="vassals",
        help="start so many reinforcements for vassals that ask, 0 for none",
        acts=False,
    )
    emperor_use_clone: str | None = option(
        "emperor-use-clone",
        kind=Text("NAMES", "names of namespaces"),
        default=None,
        help="namespaces of the kernel that each vassal gets for itself",
        acts=False,
    )
    emperor_cap: str | None = option(
        "emperor-cap",
        "vassals-cap",
        "vassal-cap",
        kind=Text("NAMES", "names of capabilities"),
        default=None,
        help="capabilities of the kernel that vassals keep",
        acts=False,
    )
    vassals_inherit: tuple[str, ...] = option(
        "vassals-inherit",
        kind=PATHS,
        default=(),
        help="configuration file that every vassal reads, placeholders left as they are",
        acts=False,
    )
    vassals_include: tuple[str, ...] = option(
        "vassals-include",
        kind=PATHS,
        default=(),
        help="configuration file that every vassal reads",
        acts=False,
    )
    vassals_inherit_before: tuple[str, ...] = option(
        "vassals-inherit-before",
        kind=PATHS,
        default=(),
        help="the same as vassals-inherit, before its own file",
        acts=False,
    )
    vassals_include_before: tuple[str, ...] = option(
        "vassals-include-before",
        kind=PATHS,
        default=(),
        help="the same as vassals-include, before its own file",
        acts=False,
    )
    vassals_set: tuple[str, ...] = option(
        "vassals-set",
        "vassal-set",
        kind=TextList("NAME=VALUE", "NAME=VALUE", pair("=", second=anything)),
        default=(),
        help="option, or placeholder for use as %(NAME), that every vassal is given",
        acts=False,
    )
    vassals_start_hook: str | None = option(
        "vassals-start-hook",
        kind=COMMAND,
        default=None,
        help="command to run before a vassal is started",
        acts=False,
    )
    vassals_stop_hook: str | None = option(
        "vassals-stop-hook",
        kind=COMMAND,
        default=None,
        help="command to run after a vassal was stopped",
        acts=False,
    )
    vassal_sos: int = option(
        "vassal-sos",
        kind=SECONDS,
        default=0,
        unit="seconds",
        help="as a vassal, ask the Emperor for reinforcements so often while all workers are busy, 0 for never",
        acts=False,
    )
    vassal_sos_backlog: int = option(
        "vassal-sos-backlog",
        kind=Integer(),
        default=0,
        unit="connections",
        help="as a vassal, ask for them when more connections wait, 0 for never",
        acts=False,
    )
    heartbeat: int = option(
        "heartbeat",
        kind=SECONDS,
        default=0,
        unit="seconds",
        help="as a vassal, tell the Emperor so often that this server lives, 0 for never",
        acts=False,
    )
