"""The companion verbs, such as `uncork up`: everything that is not the server's own uWSGI-style command line.

Runs in: the command line process.  Cheap to import: click is loaded only when a verb is used, never in a server.
"""

import sys
from collections.abc import Mapping
from importlib import import_module

# The first words that are a verb and not an option or a configuration file of the server, and where each is made: it
# brings a good part of the package with it, and nobody waits for the others.
VERBS: Mapping[str, str] = {
    "up": "uncork.cli.up:up",
    "ctl": "uncork.cli.ctl:ctl",
    "check": "uncork.cli.check:check",
    "explain": "uncork.cli.explain:explain",
    "migrate": "uncork.cli.migrate:migrate",
    "completion": "uncork.cli.completion:completion",
}

PROGRAM = "uncork"

# The status for a command line that is wrong, where it is not 1: `check` means warnings by that.
WRONG_USAGE = {"check": 2}

# What a shell reports for a program that Ctrl-C ended before it had anything to stop: 128 + SIGINT.
INTERRUPTED = 130


def run(argv: list[str]) -> int:
    """Run the verb `argv[0]` with its arguments; the exit status.  Mistakes of the user end in one sentence."""
    import click

    from uncork.errors import UncorkError

    module, _, name = VERBS[argv[0]].partition(":")
    verb: click.Command = getattr(import_module(module), name)

    @click.group(name=PROGRAM, context_settings={"help_option_names": ["-h", "--help"]})
    def verbs() -> None:
        """Commands around the server."""

    verbs.add_command(verb)
    try:
        status = verbs.main(args=argv, prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return WRONG_USAGE.get(argv[0], 1)
    except click.Abort:
        return INTERRUPTED
    except UncorkError as error:
        print(f"{PROGRAM} {argv[0]}: {error}", file=sys.stderr)
        return getattr(error, "status", error.exit_code)
    return status if isinstance(status, int) else 0
