"""Find the app of a project and say which one it is and why.  Files are read, never imported: importing is the
server's.

Runs in: the command line process.

The order, first hit wins: `--app`, FLASK_APP, the package that the directory itself is, the usual files, then
whatever else at the top of the project (or of its `src/`) offers an app, if it is the only one.  A tie is an error
with the candidates.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from uncork.errors import UncorkError
from uncork.stack.flaskenv import flask_app
from uncork.stack.names import Found, Names, find_names

# Where an app is expected, in this order: wsgi.py exists for servers and for nothing else.
USUAL_FILES = ("wsgi.py", "app.py", "server.py", "main.py")

# Modules of a package that may hold its app.
PACKAGE_FILES = ("__init__.py", *USUAL_FILES)

# Python files at the top of projects that are tools and not apps.
TOOLS = re.compile(r"(test.*|setup|conftest|noxfile|fabfile|tasks|manage)\.py|test.*")

MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# What a server can be told to take from a module: `app`, `web.app`, `create_app()`.
CALLABLE = re.compile(MODULE.pattern + r"(\(\))?")


class DiscoveryError(UncorkError):
    """No app, or no single one, could be found."""


@dataclass(frozen=True, slots=True)
class App:
    """What the server is to load.

    Exactly one of `target` (`module:callable`), `wsgi_file` (absolute path, with `callable`) and `ini` (absolute
    path of a configuration that names the app) is set.  `directory`: absolute, the project's; `pythonpath`:
    absolute directories to import from besides it; `why`: how it was found.
    """

    directory: str
    why: str
    target: str = ""
    wsgi_file: str = ""
    callable: str = ""
    ini: str = ""
    pythonpath: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = self.target or os.path.basename(self.ini) or f"{os.path.basename(self.wsgi_file)}:{self.callable}"
        return f"{name} ({self.why})"


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file: `path`, and how to import it: dotted `name` ("" if it has none) from the directory `root`."""

    path: str
    name: str
    root: str


def discover(path: str, environ: Mapping[str, str], chosen: str | None = None) -> App:
    """The app at `path`: a project directory, a Python file or a uWSGI ini file.  `chosen`: `MODULE[:CALLABLE]` or
    None.

    Raises DiscoveryError with what was looked at and what to do.
    """
    path = os.path.abspath(path)
    if os.path.isdir(path):
        return Project(path).app(environ, chosen)
    if not os.path.isfile(path):
        raise DiscoveryError(f"{path}: no such file or directory")
    if path.endswith(".ini"):
        return _from_ini(path, chosen)
    if path.endswith(".py"):
        return _from_file(path, chosen)
    raise DiscoveryError(f"{path}: expected a project directory, a .py file or a uwsgi.ini")


def _from_ini(path: str, chosen: str | None) -> App:
    """Everything that the file says, the app too, is the server's to read and to complain about."""
    if chosen is not None:
        raise DiscoveryError(f"--app {chosen}: {os.path.basename(path)} names the app itself (leave --app out)")
    return App(os.path.dirname(path), "the file names the app", ini=path)


def _from_file(path: str, chosen: str | None) -> App:
    module = module_at(path)
    project = Project(module.root)
    if chosen is not None:
        return project.named(chosen, "--app")
    shown = os.path.relpath(path, module.root)
    names = read(path, shown)
    if names.found is None:
        raise DiscoveryError(f"{verdict(shown, names)} (name it: --app {module.name or shown}:CALLABLE)")
    return project.serve(module, names.found.callable, f"found {names.found.what} in {shown}")


def module_at(path: str) -> Module:
    """How Python would import the file: climbs out of the packages that it lies in."""
    root, name = os.path.split(path)
    parts = [] if name == "__init__.py" else [name.removesuffix(".py")]
    while os.path.exists(os.path.join(root, "__init__.py")):
        root, package = os.path.split(root)
        parts.insert(0, package)
    dotted = ".".join(parts)
    return Module(path, dotted if MODULE.fullmatch(dotted) else "", root)


def read(path: str, shown: str, *, imports: bool = True) -> Names:
    """What the file offers.  Raises DiscoveryError when this Python cannot read it."""
    try:
        with open(path, "rb") as file:
            return find_names(file.read(), imports=imports)
    except OSError as error:
        problem = f"{shown}: {str(error.strerror).lower()}"
    except SyntaxError as error:
        problem = f"{shown}:{error.lineno}: {error.msg}"
    except ValueError as error:  # a NUL byte
        problem = f"{shown}: {error}"
    raise DiscoveryError(f"{problem} (correct that, or name another app with --app)") from None


def verdict(shown: str, names: Names) -> str:
    """Why nothing was taken from a file, in one line."""
    if names.rivals:
        return f"{shown}: {' and '.join(names.rivals)} are both Flask apps"
    if names.remarks:
        return f"{shown}: {'; '.join(names.remarks)}"
    return f"{shown}: no application, app, Flask(...), create_app() or make_app()"


class Project:
    """A directory with an app in it.  `looked` collects what was tried, for the error that ends a vain search."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.looked: list[str] = []

    def app(self, environ: Mapping[str, str], chosen: str | None) -> App:
        """The app.  Raises DiscoveryError."""
        if chosen is not None:
            return self.named(chosen, "--app")
        name, where = flask_app(self.directory, environ)
        if name:
            return self.named(name, where)
        self.looked.append("FLASK_APP: set neither in the environment nor in .flaskenv or .env")
        found = self._itself() or self._usual_file() or self._only_other()
        if found is not None:
            return found
        tried = "".join(f"\n  {entry}" for entry in self.looked)
        raise DiscoveryError(f"no WSGI app found in {self.directory}:{tried}\nname it with --app MODULE:CALLABLE")

    def serve(self, module: Module, callable_: str, why: str) -> App:
        """The App value for a callable of a module."""
        roots = () if module.root == self.directory else (module.root,)
        if module.name:
            return App(self.directory, why, target=f"{module.name}:{callable_}", pythonpath=roots)
        return App(self.directory, why, wsgi_file=module.path, callable=callable_, pythonpath=roots)

    def named(self, name: str, where: str) -> App:
        """The app that `where` names as MODULE, MODULE:CALLABLE, or with the path of a file in place of the module."""
        asked, _, callable_ = (part.strip() for part in name.partition(":"))
        is_file = asked.endswith(".py") or os.sep in asked
        module = self._file(asked) if is_file else self._module(asked)
        if module is None and callable_ and not is_file and MODULE.fullmatch(asked):
            module = Module("", asked, self.directory)  # installed somewhere: the server will find it or say so
        if module is None:
            raise DiscoveryError(
                f"{where} {name}: there is no such module in {self.directory}"
                " (expected MODULE:CALLABLE, as in app:app or blog:create_app())"
            )
        if callable_:
            if not CALLABLE.fullmatch(callable_):
                raise DiscoveryError(
                    f"{where} {name}: expected a name or a call without arguments, as in app or create_app()"
                    " (make the app in a wsgi.py if the factory needs arguments)"
                )
            return self.serve(module, callable_, f"{where} names it")
        shown = os.path.relpath(module.path, self.directory)
        names = read(module.path, shown)
        if names.found is None:
            raise DiscoveryError(f"{where} {name}: {verdict(shown, names)} (name it: {asked}:CALLABLE)")
        return self.serve(module, names.found.callable, f"{where} names {asked}, found {names.found.what} in {shown}")

    @property
    def _folders(self) -> Iterator[str]:
        """Where modules of the project are imported from: its top, and the `src/` of projects that keep code apart."""
        yield self.directory
        source = os.path.join(self.directory, "src")
        if os.path.isdir(source) and not os.path.exists(os.path.join(source, "__init__.py")):
            yield source

    def _file(self, asked: str) -> Module | None:
        path = os.path.join(self.directory, asked)
        for file in (path, f"{path}.py", os.path.join(path, "__init__.py")):
            if os.path.isfile(file):
                return module_at(os.path.normpath(file))
        return None

    def _module(self, asked: str) -> Module | None:
        for folder in self._folders:
            stem = os.path.join(folder, *asked.split("."))
            for file in (f"{stem}.py", os.path.join(stem, "__init__.py")):
                if MODULE.fullmatch(asked) and os.path.isfile(file):
                    return Module(file, asked, folder)
        return None

    def _itself(self) -> App | None:
        """The directory is a package that has the app: imported from above it.

        Only `__init__.py` counts: beside one that is there by mistake, the usual files are plain modules.
        """
        path = os.path.join(self.directory, "__init__.py")
        if not os.path.isfile(path):
            return None
        module, shown = module_at(path), os.path.join(os.path.basename(self.directory), "__init__.py")
        names = read(path, shown)
        if names.found is None or not module.name:
            self.looked.append(verdict(shown, names))
            return None
        return Project(module.root).serve(module, names.found.callable, f"found {names.found.what} in {shown}")

    def _usual_file(self) -> App | None:
        for name in USUAL_FILES:
            path = os.path.join(self.directory, name)
            if not os.path.isfile(path):
                self.looked.append(f"{name}: not there")
                continue
            names = read(path, name)
            module = name.removesuffix(".py")
            if names.rivals:
                raise DiscoveryError(f"{verdict(name, names)} (name one: --app {module}:{names.rivals[0]})")
            if names.found is not None:
                why = f"found {names.found.what} in {name}"
                return self.serve(Module(path, module, self.directory), names.found.callable, why)
            self.looked.append(verdict(name, names))
        return None

    def _only_other(self) -> App | None:
        others = [other for folder in self._folders for other in self._others(folder)]
        if len(others) > 1:
            targets = [f"{module.name}:{found.callable}" for module, found in others]
            raise DiscoveryError(
                f"several apps in {self.directory}: {', '.join(targets)} (name one: --app {targets[0]})"
            )
        for module, found in others:
            shown = os.path.relpath(module.path, self.directory)
            return self.serve(module, found.callable, f"found {found.what} in {shown}")
        return None

    def _others(self, folder: str) -> Iterator[tuple[Module, Found]]:
        """Apps at the top of `folder`: in files of any name that make one, and in packages."""
        for name in sorted(os.listdir(folder)):
            path, stem = os.path.join(folder, name), name.removesuffix(".py")
            if not MODULE.fullmatch(stem) or name in USUAL_FILES or TOOLS.fullmatch(name):
                continue
            if name.endswith(".py") and os.path.isfile(path):
                # `from hello import app` in some routes.py is a use of the app, not another one.
                found = self._look(path, imports=False)
                if found is not None:
                    yield Module(path, stem, folder), found
            elif os.path.isfile(os.path.join(path, "__init__.py")):
                yield from self._in_package(folder, name)

    def _in_package(self, folder: str, package: str) -> Iterator[tuple[Module, Found]]:
        """The first app of a package, if it has one."""
        for file in PACKAGE_FILES:
            path = os.path.join(folder, package, file)
            found = self._look(path, imports=True) if os.path.isfile(path) else None
            if found is not None:
                name = package if file == "__init__.py" else f"{package}.{file.removesuffix('.py')}"
                yield Module(path, name, folder), found
                return

    def _look(self, path: str, *, imports: bool) -> Found | None:
        """The app in a file that need not have one: what cannot be read is noted and passed over."""
        shown = os.path.relpath(path, self.directory)
        try:
            names = read(path, shown, imports=imports)
        except DiscoveryError as error:
            self.looked.append(str(error))
            return None
        if names.found is None:
            self.looked.append(verdict(shown, names))
        return names.found
