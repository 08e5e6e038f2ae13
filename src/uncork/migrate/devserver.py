"""`flask run` and `python app.py`: the development server, as it is asked for and as the code starts it.

Pure but for the app's file, which is parsed and never run.
"""

import ast
import os

from uncork.config.textfile import why
from uncork.migrate.command import Command, MigrateError
from uncork.migrate.draft import Draft, Migrated
from uncork.migrate.expressions import as_value, evaluate, shown
from uncork.migrate.pythonfile import parsed
from uncork.migrate.rules import (
    ONE_MASTER,
    Reader,
    Setting,
    Settings,
    add_surroundings,
    apply,
    by_hand,
    nothing,
    put_address,
    put_app,
    read_words,
    rules_of,
    title_of,
    to,
)
from uncork.migrate.values import Formula, Given, ManualError

_HOST, _PORT, _THREADS = "127.0.0.1", "5000", 4

_DEBUG = by_hand("there is no debugger: an error is in the log, and what a visitor sees holds no detail")

SETTINGS: tuple[Setting, ...] = (
    Setting("app", ("-A", "--app"), None),
    Setting("env_file", ("-e", "--env-file"), by_hand("write its lines as env = KEY=VALUE")),
    Setting("host", ("-h", "--host"), None),
    Setting("port", ("-p", "--port"), None),
    Setting("debug", ("--debug",), _DEBUG, "no"),
    Setting("debug", ("--no-debug",), None, "no", value=False),
    Setting("debugger", ("--debugger", "--no-debugger"), None, "no"),
    Setting("reload", ("--reload",), to("py-autoreload"), "no"),
    Setting("reload", ("--no-reload",), None, "no", value=False),
    Setting("threads", ("--with-threads",), None, "no"),
    Setting("threads", ("--without-threads",), None, "no", value=False),
    Setting("cert", ("--cert",), None),
    Setting("key", ("--key",), None),
    Setting("extra_files", ("--extra-files",), to("touch-reload")),
    Setting("exclude_patterns", ("--exclude-patterns",), nothing("only the files of imported modules are looked at")),
)

_VARIABLES = {"FLASK_APP": "app", "FLASK_RUN_HOST": "host", "FLASK_RUN_PORT": "port"}


def migrate_flask(command: Command) -> Migrated:
    """A command line of `flask run`.  Raises MigrateError."""
    draft = Draft("flask run")
    words = read_words(draft, command, SETTINGS)
    if words.rest[:1] != ["run"]:
        raise MigrateError("flask: only flask run starts a server")
    settings = Settings(
        Given(_VARIABLES[name], Formula(value), f"{name}={value}")
        for name, value in command.variables
        if name in _VARIABLES
    )
    settings.layer(words.given)
    app = settings.one("app")
    if app:
        _flask_app(draft, app)
    else:
        draft.hand("flask run", "it looks for the app by itself; add module = package.module:app")
    _finish(draft, settings)
    apply(draft, settings.counted(frozenset()), rules_of(SETTINGS))
    add_surroundings(draft, command, taken=_VARIABLES)
    return draft.finished(title_of(draft))


def migrate_python(command: Command, read: Reader) -> Migrated:
    """`python app.py`, where the file starts the server itself.  Raises MigrateError."""
    path = command.words[0] if command.words else ""
    if not path.endswith(".py"):
        raise MigrateError("python: nobody can see what this starts (expected python FILE.py or python -m SERVER)")
    try:
        text = read(path)
    except (OSError, ValueError) as error:
        raise MigrateError(f"{path} cannot be read: {why(error)}") from None
    draft = Draft(f"python {path}")
    call = _run_call(parsed(text, path))
    if call is None or not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Name):
        raise MigrateError(f"{path}: no line of it is app.run(...), so that nothing says what it serves")
    place = f"{path}:{call.lineno} {shown(call, 100)}"
    draft.put_text("wsgi-file", path, place)
    draft.put_text("callable", call.func.value.id, place)
    _finish(draft, Settings(_arguments(draft, call, place)))
    for word in command.words[1:]:
        draft.hand(f"python {path} {word}", "words behind the file are pyargv, and what they mean is up to the code")
    add_surroundings(draft, command)
    return draft.finished(title_of(draft))


def _flask_app(draft: Draft, given: Given) -> None:
    name = given.formulas[0].text
    folder, file = os.path.split(name.partition(":")[0])
    module, attribute = file.removesuffix(".py"), name.partition(":")[2]
    if folder:
        draft.put("pythonpath", folder, given.source)
    if not attribute:
        draft.hand(given.source, "flask finds the app in the module by itself; see whether app is its name there")
    put_app(draft, f"{module}:{attribute or 'app'}", given.source)


def _finish(draft: Draft, settings: Settings) -> None:
    put_address(draft, settings, _HOST, _PORT, settings.one("cert"), settings.one("key"))
    draft.put("master", True, "the development server is one process", ONE_MASTER)
    if not settings.all("threads") or settings.one("threads"):
        draft.put("threads", _THREADS, "the development server starts a thread for each request")


def _run_call(tree: ast.Module) -> ast.Call | None:
    """The last call of `NAME.run(...)` in a file, outside of its functions."""
    found: list[ast.Call] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        found += [
            call
            for call in ast.walk(node)
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "run"
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id not in ("subprocess", "asyncio", "uvicorn")
        ]
    return found[-1] if found else None


def _arguments(draft: Draft, call: ast.Call, place: str) -> list[Given]:
    named = dict(zip(("host", "port", "debug"), call.args, strict=False))
    named.update({keyword.arg: keyword.value for keyword in call.keywords if keyword.arg})
    given: list[Given] = []
    for name, node in named.items():
        try:
            given.append(Given("threads" if name == "threaded" else name, as_value(evaluate(node, {})), place))
        except (ManualError, RecursionError) as error:
            draft.hand(place, f"{name}: {error}")
    if any(one.name == "debug" and one.is_on for one in given):
        draft.hand(place, "debug: there is no debugger; py-autoreload = 1 reloads code that changes")
    if any(one.name == "ssl_context" for one in given):
        draft.hand(place, "ssl_context: let nginx do TLS")
    return given
