"""The command line of `uncork completion`: print the script with which a shell completes this very command line.

Runs in: the command line process.
"""

from collections.abc import Iterator
from importlib import import_module

import click

from uncork.cli.verbs import VERBS
from uncork.config.completion import Offer, Value, Verb, Word
from uncork.config.shells import SHELLS, script

_HELP = """\
Print a script that completes the options and verbs of uncork, and of a link to it that is named uwsgi.

\b
bash   source <(uncork completion bash)          in ~/.bashrc
zsh    source <(uncork completion zsh)           in ~/.zshrc, after compinit
fish   uncork completion fish | source           in ~/.config/fish/config.fish
"""


@click.command(short_help="Print a script that completes this command line in your shell.", help=_HELP)
@click.argument("shell", type=click.Choice(SHELLS), metavar=f"[{'|'.join(SHELLS)}]")
def completion(shell: str) -> int:
    """See _HELP."""
    print(script(shell, [verb(name) for name in VERBS]), end="", flush=True)
    return 0


def verb(name: str) -> Verb:
    """What the click command of a verb says of itself."""
    module, _, attribute = VERBS[name].partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    options = [word for parameter in command.params for word in _options(parameter)]
    arguments = [_value(parameter) for parameter in command.params if isinstance(parameter, click.Argument)]
    named = ("--help", "-h")
    return Verb(name, command.get_short_help_str(100), (*options, Word(named, "show help")), tuple(arguments))


def _options(parameter: click.Parameter) -> Iterator[Word]:
    if isinstance(parameter, click.Option) and not parameter.hidden:
        value = None if parameter.is_flag or parameter.count else _value(parameter)
        yield Word((*parameter.opts, *parameter.secondary_opts), parameter.help or "", value)


def _value(parameter: click.Parameter) -> Value:
    name = parameter.metavar or (parameter.name or "").upper()
    kind = parameter.type
    if isinstance(kind, click.Choice):
        return Value(name, Offer.WORDS, tuple(str(choice) for choice in kind.choices))
    if isinstance(kind, click.Path):
        return Value(name, Offer.FILES if kind.file_okay else Offer.FOLDERS)
    words = kind.shell_complete(click.Context(completion), parameter, "")
    if words:
        return Value(name, Offer.WORDS, tuple(str(word.value) for word in words))
    # An argument that is no path by its type may be one all the same, as in `uncork ctl reload uwsgi.ini`.
    return Value(name, Offer.FILES if isinstance(parameter, click.Argument) else Offer.NOTHING)
