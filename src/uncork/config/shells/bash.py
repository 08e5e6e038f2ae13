"""The completion script for bash, which shows names without their help.

Pure.  Runs in: the process of `uncork completion`.
"""

from collections.abc import Iterable, Iterator, Sequence

from uncork.config.completion import CONFIGURATION, Offer, Value, Verb, Word, fill, plain

_SCRIPT = r"""# Completes uncork in bash (4.4 or newer).  Written by: uncork completion bash

# Each of these replies with what the word `cur` begins: files with one of the endings, or all of them; ...
_uncork_files() {
    local ending
    compopt -o filenames 2>/dev/null
    if (($# == 0)); then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -d -- "$cur"; for ending; do compgen -f -X "!*.$ending" -- "$cur"; done)
    fi
}

_uncork_folders() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

_uncork_words() {
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

# If the word is the value of an option, replies for it.  bash takes --option=value for three words, unless it is told
# otherwise: then `before` is the part of the word that stays.
_uncork_value() {
    local option=$prev joined=
    if [[ $cur == --*=* ]]; then
        option=${cur%%=*} joined=1 before=${cur%%=*}= cur=${cur#*=}
    elif [[ $cur == = ]]; then
        joined=1 cur=
    elif [[ $prev == = ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]} joined=1
    fi
    case "$verb $option" in
@required@
    esac
    [[ $joined ]] || return 1
    case "$verb $option" in
@optional@
    esac
    return 0
}

_uncork() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb= before=
    local verbs="@verbs@"
    COMPREPLY=()
    [[ ${COMP_WORDS[0]##*/} == uwsgi ]] && verbs=
    if ((COMP_CWORD > 1)) && [[ " $verbs " == *" ${COMP_WORDS[1]} "* ]]; then
        verb=${COMP_WORDS[1]}
    fi
    if _uncork_value; then
        COMPREPLY=("${COMPREPLY[@]/#/$before}")
        return
    fi
    case "$verb $cur" in
@options@
    esac
    case "$verb $COMP_CWORD" in
@arguments@
        *) _uncork_files @configuration@ ;;
    esac
    if ((COMP_CWORD == 1)); then
        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$verbs" -- "$cur")
    fi
}

complete -F _uncork uncork uwsgi
"""


def write(options: Sequence[Word], verbs: Sequence[Verb]) -> str:
    """The script, for these options of the server and these verbs."""
    contexts = [("", options), *((verb.name, verb.options) for verb in verbs)]
    parts = {
        "required": _values(contexts, optional=False),
        "optional": _values(contexts, optional=True),
        "options": [_options(context, words) for context, words in contexts],
        "arguments": [line for verb in verbs for line in _arguments(verb)],
        "verbs": [plain(verb.name for verb in verbs)],
        "configuration": [plain(CONFIGURATION.items)],
    }
    return fill(_SCRIPT, parts)


def _options(context: str, words: Iterable[Word]) -> str:
    names = plain(name for word in words for name in word.names if name.startswith("--"))
    return f'        "{context} "-*) _uncork_words {names}; return ;;'


def _values(contexts: Iterable[tuple[str, Sequence[Word]]], *, optional: bool) -> list[str]:
    """A case for everything that is offered, with all the options that it is offered for."""
    patterns: dict[str, list[str]] = {}
    for context, words in contexts:
        for word in words:
            if word.value and word.optional is optional:
                patterns.setdefault(_offer(word.value), []).extend(f'"{context} {name}"' for name in word.names)
    return [f"        {' | '.join(names)}) {offer}; return 0 ;;" for offer, names in patterns.items()]


def _arguments(verb: Verb) -> Iterator[str]:
    for position, value in enumerate(verb.arguments[:-1], start=2):
        yield f'        "{verb.name} {position}") {_offer(value)} ;;'
    yield f'        "{verb.name} "*) {_offer(verb.arguments[-1]) if verb.arguments else ":"} ;;'


def _offer(value: Value) -> str:
    """The command that replies."""
    if value.offer is Offer.FOLDERS:
        return "_uncork_folders"
    if value.offer is Offer.FILES:
        return f"_uncork_files {plain(value.items)}".rstrip()
    return f"_uncork_words {plain(value.items)}" if value.offer is Offer.WORDS else ":"
