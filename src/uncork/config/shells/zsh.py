"""The completion script for zsh, which shows options with their help.

Pure.  Runs in: the process of `uncork completion`.
"""

from collections.abc import Iterable, Iterator, Sequence

from uncork.config.completion import CONFIGURATION, Offer, Value, Verb, Word, fill, plain

# Without a file of its own in $fpath it registers itself; from there, zsh calls it as the function of that name.
_SCRIPT = """#compdef uncork uwsgi
# Completes uncork in zsh.  Written by: uncork completion zsh

_uncork() {
  local -a verbs
  [[ ${words[1]:t} == uwsgi ]] || verbs=(
@verbs@
  )
  if (( CURRENT > 2 && ${#verbs} )); then
    case $words[2] in
@cases@
    esac
  fi
  (( CURRENT == 2 )) && _describe -t verbs verb verbs
  _arguments -s -S \\
@options@
}

if [[ $funcstack[1] == _uncork ]]; then
  _uncork "$@"
else
  compdef _uncork uncork uwsgi
fi
"""


def write(options: Sequence[Word], verbs: Sequence[Verb]) -> str:
    """The script, for these options of the server and these verbs."""
    parts = {
        "verbs": [f"    {_quoted(f'{verb.name}:{verb.help}')}" for verb in verbs],
        "cases": [line for verb in verbs for line in _case(verb)],
        "options": _specs(options, (CONFIGURATION,), "    "),
    }
    return fill(_SCRIPT, parts)


def _case(verb: Verb) -> Iterator[str]:
    yield f"      {verb.name})"
    yield "        shift words"
    yield "        (( CURRENT-- ))"
    yield "        _arguments -s -S \\"
    yield from _specs(verb.options, verb.arguments, " " * 10)
    yield "        return"
    yield "        ;;"


def _specs(options: Iterable[Word], arguments: Sequence[Value], indent: str) -> list[str]:
    """The specifications that _arguments takes (zshcompsys(1)), one to a line."""
    specs = [_option(name, word) for word in options for name in word.names]
    specs += [f"{position}:{_action(value)}" for position, value in enumerate(arguments[:-1], start=1)]
    specs += [f"*:{_action(value)}" for value in arguments[-1:]]
    lines = [f"{indent}{_quoted(spec)}" for spec in specs or ["--help[show help]"]]
    return [" \\\n".join(lines)]


def _option(name: str, word: Word) -> str:
    """Each may be repeated.  What needs a value takes it from the same word or the next, others from the same word."""
    help_text = word.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    if word.value is None:
        return f"*{name}[{help_text}]"
    joined = "=" if name.startswith("--") else "+"
    if word.optional:
        joined = "=-" if name.startswith("--") else "-"
    colons = "::" if word.optional else ":"
    return f"*{name}{joined}[{help_text}]{colons}{_action(word.value)}"


def _action(value: Value) -> str:
    """A message, and what is offered."""
    name = value.name.replace(":", "\\:")
    return f"{name}:{_offer(value)}"


def _offer(value: Value) -> str:
    if value.offer is Offer.FOLDERS:
        return "_files -/"
    if value.offer is Offer.FILES:
        # (-.) are plain files; without it one ending alone would be taken for such letters itself.
        return f'_files -g "*.({plain(value.items).replace(" ", "|")})(-.)"' if value.items else "_files"
    return f"({plain(value.items)})" if value.offer is Offer.WORDS else " "


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
