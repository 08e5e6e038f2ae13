"""`uncork completion`: the script that it prints, and what is said of the verbs in it."""

import click
import pytest
from click.testing import CliRunner

from uncork.cli.completion import completion, verb
from uncork.cli.ctl import VERBS as CTL_VERBS
from uncork.cli.verbs import VERBS
from uncork.config.completion import Offer, Value
from uncork.config.shells import SHELLS


@pytest.mark.parametrize("shell", SHELLS)
def test_script_is_printed(shell: str) -> None:
    """The script for the shell that is asked for, with every verb."""
    result = CliRunner().invoke(completion, [shell])
    assert result.exit_code == 0
    assert f"Written by: uncork completion {shell}" in result.stdout
    for name in VERBS:
        assert name in result.stdout
    assert result.stderr == ""


def test_another_shell_is_refused() -> None:
    """Of another shell nothing is printed but which there are."""
    result = CliRunner().invoke(completion, ["tcsh"])
    assert result.exit_code != 0
    assert result.stdout == ""
    assert "'bash', 'zsh', 'fish'" in result.stderr


def test_verbs_are_described_by_their_commands() -> None:
    """Options, arguments and help of a verb are those of its click command."""
    described = verb("ctl")
    assert described.help == "Tell a running server something and wait for it."
    assert described.arguments == (Value("VERB", Offer.WORDS, tuple(CTL_VERBS)), Value("[SERVER]", Offer.FILES))
    options = {name: word.value for word in described.options for name in word.names}
    assert options == {"--json": None, "--timeout": Value("S", Offer.NOTHING), "--help": None, "-h": None}
    assert verb("up").options[0].names == ("-p", "--port")


def test_names_of_options_are_offered_to_explain() -> None:
    """What may be asked for is every name, also of what does nothing here."""
    (argument,) = verb("explain").arguments
    assert argument.offer is Offer.WORDS
    assert {"processes", "workers", "probe", "carbon"} <= set(argument.items)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_is_found(name: str) -> None:
    """Each verb is described, and has its --help."""
    assert [word for word in verb(name).options if "--help" in word.names]
    assert verb(name).help


def test_help_says_how_to_install_it() -> None:
    """The line for each shell stands in the help."""
    context = click.Context(completion)
    for shell in SHELLS:
        assert f"uncork completion {shell}" in completion.get_help(context)
