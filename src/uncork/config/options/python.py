"""Options of the Python side: which app, found where, mounted under which path."""

from dataclasses import dataclass

from uncork.config.kinds import FLAG, PATH, PATHS, Text, TextList
from uncork.config.option import option


@dataclass(frozen=True, slots=True)
class Python:
    """The WSGI app and the interpreter's search path."""

    module: str | None = option(
        "module",
        "wsgi",
        short="w",
        kind=Text("MODULE", "package.module or package.module:callable"),
        default=None,
        help="module with the app, as package.module, package.module:app or 'package.module:create_app()'",
    )
    wsgi_file: str | None = option(
        "wsgi-file",
        "file",
        kind=PATH,
        default=None,
        help="Python file with the app",
    )
    callable: str | None = option(
        "callable",
        kind=Text("NAME", "the name of the app in its module"),
        default=None,
        help="name of the app in its module or file, when it is not 'application'",
    )
    pythonpath: tuple[str, ...] = option(
        "pythonpath",
        "python-path",
        "pp",
        kind=PATHS,
        default=(),
        help="directory to import from, before all others; may hold wildcards",
    )
    home: str | None = option(
        "home",
        "virtualenv",
        "venv",
        "pyhome",
        short="H",
        kind=PATH,
        default=None,
        help="virtual environment of the app",
    )
    mount: tuple[str, ...] = option(
        "mount",
        "worker-mount",
        kind=TextList("/PREFIX=APP", "/prefix=package.module:callable"),
        default=(),
        help="serve an app under a path, as /prefix=package.module:app or /prefix=file.py",
    )
    manage_script_name: bool = option(
        "manage-script-name",
        kind=FLAG,
        default=False,
        help="move the path of a mount from PATH_INFO to SCRIPT_NAME before its app is called",
    )
