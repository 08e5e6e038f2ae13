"""Options of reading the configuration itself: what else is read, which lines count, and what is shown.

Pure.  Runs in: the process that reads the configuration, where most of these act the moment they are met (`reader.py`);
what is kept of them here is only what was written.
"""

from uncork.config.kinds import FLAG, Text, TextList
from uncork.config.option import group, option


class Written(TextList):
    """Whatever was written, nothing included: what it means was decided while it was read."""

    def __init__(self, metavar: str, expected: str) -> None:
        super().__init__(metavar, expected, needed=True)

    def parse(self, text: str | None) -> tuple[str, ...]:
        return (text or "",)


class WrittenOptional(Written):
    """The same for an option that needs no value."""

    argument = "optional"


class Ignored(Written):
    """The same for an option whose value says nothing."""

    argument = "no"


_FILE = Written("FILE[:SECTION]", "a file, with :SECTION for another section than [uwsgi]")
_PAIR = Written("NAME=VALUE", "name=value")
_TEXT = Written("TEXT", "a text")


def _block(*names: str, value: str, help: str) -> tuple[str, ...]:  # noqa: A002 - the word of argparse and click for exactly this
    """An option that opens a block, up to the next endif or endfor."""
    return option(*names, kind=Written(value, value.lower()), default=(), help=help)


def _condition(*names: str, help: str) -> tuple[str, ...]:  # noqa: A002 - as above
    """The same without a value."""
    return option(*names, kind=Ignored("", "nothing"), default=(), help=help)


@group
class Reading:
    """What is read, what is shown of it, and how strictly."""

    ini: tuple[str, ...] = option(
        "ini", kind=_FILE, default=(), help="read an ini file; :SECTION alone is of the file read last"
    )
    yaml: tuple[str, ...] = option("yaml", "yml", short="y", kind=_FILE, default=(), help="read a YAML file")
    json: tuple[str, ...] = option("json", "js", short="j", kind=_FILE, default=(), help="read a JSON file")
    xml: tuple[str, ...] = option("xml", "xmlconfig", short="x", kind=_FILE, default=(), help="read an XML file")
    toml: tuple[str, ...] = option("toml", kind=_FILE, default=(), own=True, help="read a TOML file")
    include: tuple[str, ...] = option(
        "include", kind=_FILE, default=(), help="read another file here, of the format that its name ends in"
    )
    config: tuple[str, ...] = option("config", kind=_FILE, default=(), help="the same as include")
    inherit: tuple[str, ...] = option(
        "inherit", kind=_FILE, default=(), help="read another file last, and leave placeholders in it as they are"
    )
    fallback_config: str | None = option(
        "fallback-config",
        kind=Text("FILE", "a file"),
        default=None,
        help="configuration to start with instead if the start with this one fails",
    )
    strict: bool = option(
        "strict",
        kind=FLAG,
        default=False,
        help="refuse to start when the configuration has a name that is no option",
    )
    set: tuple[str, ...] = option(
        "set", short="S", kind=_PAIR, default=(), help="set an option, or a placeholder for use as %(NAME)"
    )
    set_placeholder: tuple[str, ...] = option(
        "set-placeholder", "set-ph", kind=_PAIR, default=(), help="set a placeholder that is no option"
    )
    declare_option: tuple[str, ...] = option(
        "declare-option",
        "declare-option2",
        kind=Written("NAME=TEMPLATE", "name=option=$1;other=$2"),
        default=(),
        help="make a new option of several, as in name=option=$1;other=$2, where $1 and $2 are words of its value",
    )
    show_config: bool = option(
        "show-config", kind=FLAG, default=False, help="print the whole configuration as it was understood, then go on"
    )
    dump_options: bool = option(
        "dump-options", kind=FLAG, default=False, help="print the names of all options and leave"
    )
    print: tuple[str, ...] = option("print", kind=_TEXT, default=(), help="print a text when everything has been read")
    iprint: tuple[str, ...] = option(
        "iprint", kind=_TEXT, default=(), help="print a text the moment it is read, as it stands"
    )
    exit: tuple[str, ...] = option(
        "exit", kind=WrittenOptional("STATUS", "a number"), default=(), help="leave the moment it is read"
    )
    if_env: tuple[str, ...] = _block(
        "if-env", "ifenv", value="NAME[=VALUE]", help="the lines of the block count if the environment has NAME"
    )
    if_not_env: tuple[str, ...] = _block("if-not-env", value="NAME[=VALUE]", help="the opposite of if-env")
    if_opt: tuple[str, ...] = _block(
        "if-opt", value="NAME[=VALUE]", help="the lines of the block count if a line above sets NAME (to VALUE)"
    )
    if_not_opt: tuple[str, ...] = _block("if-not-opt", value="NAME[=VALUE]", help="the opposite of if-opt")
    if_exists: tuple[str, ...] = _block(
        "if-exists", "ifexists", value="PATH", help="the lines of the block count if PATH exists"
    )
    if_not_exists: tuple[str, ...] = _block("if-not-exists", value="PATH", help="the opposite of if-exists")
    if_file: tuple[str, ...] = _block("if-file", value="PATH", help="the lines of the block count if PATH is a file")
    if_not_file: tuple[str, ...] = _block("if-not-file", value="PATH", help="the opposite of if-file")
    if_dir: tuple[str, ...] = _block(
        "if-dir", "ifdir", "if-directory", value="PATH", help="the lines of the block count if PATH is a directory"
    )
    if_not_dir: tuple[str, ...] = _block("if-not-dir", value="PATH", help="the opposite of if-dir")
    if_hostname: tuple[str, ...] = _block(
        "if-hostname", value="NAME", help="the lines of the block count on the machine of this name"
    )
    if_not_hostname: tuple[str, ...] = _block("if-not-hostname", value="NAME", help="the opposite of if-hostname")
    if_hostname_match: tuple[str, ...] = _block(
        "if-hostname-match",
        value="REGEX",
        help="the lines of the block count on machines whose name the expression is found in",
    )
    if_not_hostname_match: tuple[str, ...] = _block(
        "if-not-hostname-match", value="REGEX", help="the opposite of if-hostname-match"
    )
    if_plugin: tuple[str, ...] = _block(
        "if-plugin", "ifplugin", value="NAME", help="the lines of the block count if what the plugin does is built in"
    )
    if_not_plugin: tuple[str, ...] = _block("if-not-plugin", value="NAME", help="the opposite of if-plugin")
    if_reload: tuple[str, ...] = _condition("if-reload", help="the lines of the block count when a server reloads")
    if_not_reload: tuple[str, ...] = _condition("if-not-reload", help="the lines of the block count at the first start")
    endif: tuple[str, ...] = option(
        "endif", "end-if", kind=WrittenOptional("", "nothing"), default=(), help="the end of a block"
    )
    for_: tuple[str, ...] = _block(
        "for", value="WORDS", help="the lines of the block count once for each word, which is %(_) in them"
    )
    for_glob: tuple[str, ...] = _block(
        "for-glob", value="PATTERN", help="the same for each path that a shell pattern finds"
    )
    for_times: tuple[str, ...] = _block("for-times", value="N", help="the same for the numbers from 1 to N")
    for_readline: tuple[str, ...] = _block("for-readline", value="FILE", help="the same for each line of a file")
    endfor: tuple[str, ...] = option(
        "endfor", "end-for", kind=WrittenOptional("", "nothing"), default=(), help="the end of a block"
    )
