"""Options of the Python side: which app, found where, mounted under which path.

Pure.  Runs in: the process that reads the configuration; what follows from several options, in template and workers.
"""

import os

from uncork.config.kinds import FLAG, PATH, PATHS, Text, TextList, pair
from uncork.config.option import group, option


class PasteFile(Text):
    """A file that is read at once, and by the app again: its whole path, whatever chdir says (uwsgi_opt_ini_paste)."""

    def __init__(self) -> None:
        super().__init__("PATH", "a path", needed=True, plain=True)

    def parse(self, text: str | None) -> str:
        return os.path.abspath(super().parse(text))


_ALIASES = TextList("NAME=MODULE", "NAME=MODULE or NAME=/path/file.py", pair("="))


@group
class Python:
    """The WSGI app and the interpreter's search path."""

    module: str | None = option(
        "module",
        "wsgi",
        short="w",
        kind=Text("MODULE", "package.module or package.module:callable", plain=True),
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
        kind=Text("NAME", "the name of the app in its module", plain=True),
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
    eval: str | None = option(
        "eval",
        kind=Text("CODE", "Python code"),
        default=None,
        help="Python code that makes the app, in place of a module or a file",
    )
    paste: str | None = option(
        "paste",
        kind=Text("URI", "config:/path/app.ini"),
        default=None,
        help="app that PasteDeploy loads, as config:/path/app.ini or egg:package",
    )
    ini_paste: str | None = option(
        "ini-paste",
        kind=PasteFile(),
        default=None,
        help="ini file with options of the server and, for PasteDeploy, with the app",
    )
    ini_paste_logged: str | None = option(
        "ini-paste-logged",
        kind=PasteFile(),
        default=None,
        help="the same as ini-paste, and logging is set up from that file",
    )
    paste_logger: bool = option(
        "paste-logger",
        kind=FLAG,
        default=False,
        help="set up logging from the file that paste names",
    )
    pecan: str | None = option(
        "pecan",
        kind=PATH,
        default=None,
        help="configuration file of Pecan that the app is made from",
    )
    import_: tuple[str, ...] = option(
        "import",
        "pyimport",
        "py-import",
        "python-import",
        kind=TextList("MODULE", "a module or a Python file"),
        default=(),
        help="module or Python file to import before the app, wherever that is imported; the app goes on without it",
    )
    shared_import: tuple[str, ...] = option(
        "shared-import",
        "shared-pyimport",
        "shared-py-import",
        "shared-python-import",
        kind=TextList("MODULE", "a module or a Python file"),
        default=(),
        help="the same as import, but once for all workers, also with lazy-apps",
    )
    pymodule_alias: tuple[str, ...] = option(
        "pymodule-alias",
        kind=_ALIASES,
        default=(),
        help="import a module or a file under another name, before the app: NAME=MODULE",
    )
    post_pymodule_alias: tuple[str, ...] = option(
        "post-pymodule-alias",
        kind=_ALIASES,
        default=(),
        help="import a module or a file under another name, after the app: NAME=MODULE",
    )
    pyargv: str | None = option(
        "pyargv",
        kind=Text("WORDS", "words"),
        default=None,
        help="words for sys.argv of the app, behind 'uwsgi', which is always the first",
    )

    @property
    def paste_uri(self) -> str | None:
        """What PasteDeploy is to load, None for nothing."""
        file = self.ini_paste_logged or self.ini_paste
        return f"config:{file}" if self.paste is None and file is not None else self.paste

    @property
    def has_app(self) -> bool:
        """Whether anything names an app."""
        return bool(self.module or self.wsgi_file or self.mount or self.eval or self.paste_uri or self.pecan)
