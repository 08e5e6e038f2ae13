"""The completion script for fish, which shows options with their help.

Pure.  Runs in: the process of `uncork completion`.
"""

from collections.abc import Iterable, Iterator, Sequence

from uncork.config.completion import CONFIGURATION, Offer, Value, Verb, Word, fill, plain

_SCRIPT = """# Completes uncork in fish (3.1 or newer).  Written by: uncork completion fish

# Whether the command line is that of this verb, or of the server where none is named.
function __uncork_in
    set -l words (commandline -opc)
    set -l verb
    if set -q words[2]; and not string match -qr '(^|/)uwsgi$' -- $words[1]; and contains -- $words[2] @verbs@
        set verb $words[2]
    end
    test "$verb" = "$argv[1]"
end

# Whether the word is the first behind the program that has verbs.
function __uncork_first
    set -l words (commandline -opc)
    test (count $words) -eq 1; and not string match -qr '(^|/)uwsgi$' -- $words[1]
end

# Whether the word is the first behind a verb.
function __uncork_second
    set -l words (commandline -opc)
    __uncork_in $argv[1]; and test (count $words) -eq 2
end

# Directories, and files with one of these endings.
function __uncork_files
    set -l word (commandline -ct | string replace -r '^-[^=]*=' '')
    set -l endings (string join '|' $argv)
    complete -C "__fish_command_without_completions $word" | string match -r "^(?:.*/|.*\\.(?:$endings))\\$"
end

for program in uncork uwsgi
    complete -c $program -f
@options@
@arguments@
end

@verbhelp@
@verbwords@
"""

_NO_VERB = "''"


def write(options: Sequence[Word], verbs: Sequence[Verb]) -> str:
    """The script, for these options of the server and these verbs, which have two kinds of arguments at most."""
    parts = {
        "verbs": [plain(verb.name for verb in verbs)],
        "options": _options("$program", "", options),
        "arguments": [f"    complete -c $program -n {_quoted(f'__uncork_in {_NO_VERB}')}{_argument(CONFIGURATION)}"],
        "verbhelp": [
            f"complete -c uncork -n __uncork_first -f -a {verb.name} -d {_quoted(verb.help)}" for verb in verbs
        ],
        "verbwords": [line for verb in verbs for line in _of_verb(verb)],
    }
    return fill(_SCRIPT, parts)


def _of_verb(verb: Verb) -> Iterator[str]:
    here, second = f"__uncork_in {verb.name}", f"__uncork_second {verb.name}"
    yield from (line.strip() for line in _options("uncork", verb.name, verb.options))
    for value in verb.arguments[:-1]:
        yield f"complete -c uncork -n {_quoted(second)}{_argument(value)}"
    for value in verb.arguments[-1:]:
        condition = f"{here}; and not {second}" if verb.arguments[:-1] else here
        yield f"complete -c uncork -n {_quoted(condition)}{_argument(value)}"


def _options(program: str, context: str, words: Iterable[Word]) -> list[str]:
    start = f"    complete -c {program} -n {_quoted(f'__uncork_in {context or _NO_VERB}')}"
    return [f"{start}{_names(word)}{_value(word)} -d {_quoted(word.help)}" for word in words]


def _names(word: Word) -> str:
    return "".join(f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in word.names)


def _value(word: Word) -> str:
    # fish knows values that must be there only; an optional one it would take from the next word.
    return "" if word.value is None or word.optional else f" -r{_argument(word.value)}"


def _argument(value: Value) -> str:
    """What is offered."""
    if value.offer is Offer.FOLDERS:
        return " -f -a '(__fish_complete_directories)'"
    if value.offer is Offer.FILES:
        return f" -f -a '(__uncork_files {plain(value.items)})'" if value.items else " -F"
    return f" -f -a '{plain(value.items)}'" if value.offer is Offer.WORDS else " -f"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
