"""Options of files that are served without the app."""

from uncork.config.kinds import DIRECTORIES, FLAG, PATHS, Choice, Text, TextList, a_number, a_regexp, anything, pair
from uncork.config.option import group, option
from uncork.config.quantities import SECONDS

# The prefix may be empty, which is every path.
_MAP = TextList("PREFIX=PATH", "a prefix and a path, as in /static=/srv/app/static", pair("=", anything), needed=True)
_BY_PATTERN = TextList(
    "REGEXP SECONDS", "a regular expression and a number, as in /static/.* 3600", pair(" ", a_regexp, a_number)
)
_BY_TYPE = TextList("TYPE=SECONDS", "a type and a number, as in image/png=3600", pair("=", second=a_number))
_PATTERNS = TextList("REGEXP", "a regular expression", a_regexp)
_ENDINGS = TextList("TEXT", "the end of a file name, such as .py")


@group
class Static:
    """Which paths are files, and what is said with them."""

    static_map: tuple[str, ...] = option(
        "static-map",
        kind=_MAP,
        default=(),
        help="serve what lies under this prefix of the path from this directory, the prefix taken away, or "
        "from this file",
        acts=False,
    )
    static_map2: tuple[str, ...] = option(
        "static-map2",
        kind=_MAP,
        default=(),
        help="the same, and the prefix stays a part of the path in the directory",
        acts=False,
    )
    check_static: tuple[str, ...] = option(
        "check-static",
        "static-check",
        kind=DIRECTORIES,
        default=(),
        help="look here for a file with the path of the request before the app is asked",
        acts=False,
    )
    check_static_docroot: bool = option(
        "check-static-docroot",
        kind=FLAG,
        default=False,
        help="look for such a file in the directory that nginx names in DOCUMENT_ROOT",
        acts=False,
    )
    static_index: tuple[str, ...] = option(
        "static-index",
        kind=TextList("NAME", "a file name such as index.html"),
        default=(),
        help="serve this file of a directory when the directory is asked for",
        acts=False,
    )
    static_skip_ext: tuple[str, ...] = option(
        "static-skip-ext",
        kind=_ENDINGS,
        default=(),
        help="leave files whose name ends so to the app",
        acts=False,
    )
    static_safe: tuple[str, ...] = option(
        "static-safe",
        kind=DIRECTORIES,
        default=(),
        help="further directory that symbolic links below the others may lead to",
        acts=False,
    )
    static_expires: tuple[str, ...] = option(
        "static-expires",
        kind=_BY_PATTERN,
        default=(),
        help="Expires of a file whose path in the file system matches, so long after the request",
        acts=False,
    )
    static_expires_mtime: tuple[str, ...] = option(
        "static-expires-mtime",
        kind=_BY_PATTERN,
        default=(),
        help="Expires of a file whose path in the file system matches, so long after it was changed",
        acts=False,
    )
    static_expires_type: tuple[str, ...] = option(
        "static-expires-type",
        kind=_BY_TYPE,
        default=(),
        help="Expires of a file of this type, so long after the request",
        acts=False,
    )
    static_expires_type_mtime: tuple[str, ...] = option(
        "static-expires-type-mtime",
        kind=_BY_TYPE,
        default=(),
        help="Expires of a file of this type, so long after it was changed",
        acts=False,
    )
    static_expires_uri: tuple[str, ...] = option(
        "static-expires-uri",
        kind=_BY_PATTERN,
        default=(),
        help="Expires of a file when the request, query included, matches, so long after it",
        acts=False,
    )
    static_expires_uri_mtime: tuple[str, ...] = option(
        "static-expires-uri-mtime",
        kind=_BY_PATTERN,
        default=(),
        help="Expires of a file when the request, query included, matches, so long after the file was changed",
        acts=False,
    )
    static_expires_path_info: tuple[str, ...] = option(
        "static-expires-path-info",
        kind=_BY_PATTERN,
        default=(),
        help="Expires of a file when the path of the request matches, so long after it",
        acts=False,
    )
    static_expires_path_info_mtime: tuple[str, ...] = option(
        "static-expires-path-info-mtime",
        kind=_BY_PATTERN,
        default=(),
        help="Expires of a file when the path of the request matches, so long after the file was changed",
        acts=False,
    )
    static_gzip: tuple[str, ...] = option(
        "static-gzip",
        kind=_PATTERNS,
        default=(),
        help="send FILE.gz, if it is there, in place of a FILE whose path matches to clients that take gzip",
        acts=False,
    )
    static_gzip_all: bool = option(
        "static-gzip-all",
        kind=FLAG,
        default=False,
        help="send FILE.gz, if it is there, in place of any FILE to clients that take gzip",
        acts=False,
    )
    static_gzip_dir: tuple[str, ...] = option(
        "static-gzip-dir",
        "static-gzip-prefix",
        kind=DIRECTORIES,
        default=(),
        help="send FILE.gz, if it is there, in place of a FILE below this directory to clients that take gzip",
        acts=False,
    )
    static_gzip_ext: tuple[str, ...] = option(
        "static-gzip-ext",
        "static-gzip-suffix",
        kind=_ENDINGS,
        default=(),
        help="send FILE.gz, if it is there, in place of a FILE whose name ends so to clients that take gzip",
        acts=False,
    )
    static_cache_paths: int = option(
        "static-cache-paths",
        kind=SECONDS,
        default=0,
        unit="seconds",
        implies_master=True,
        help="remember so long in which file a path was found, 0 for not at all",
        acts=False,
    )
    static_cache_paths_name: str | None = option(
        "static-cache-paths-name",
        kind=Text("NAME", "the name of a cache"),
        default=None,
        implies_master=True,
        help="the cache of cache2 that remembers it",
        acts=False,
    )
    mimefile: tuple[str, ...] = option(
        "mimefile",
        "mime-file",
        kind=PATHS,
        default=(),
        help="file with the types of names, in the form of /etc/mime.types",
        acts=False,
    )
    file_serve_mode: str | None = option(
        "file-serve-mode",
        "fileserve-mode",
        kind=Choice("MODE", "x-sendfile", "x-accel-redirect", "nginx"),
        default=None,
        help="let the web server in front send the file, told by this header; sent by the server itself unless given",
        acts=False,
    )
