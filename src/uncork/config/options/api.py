"""Options of what `import uwsgi` offers to an app: caches, queue, shared memory, locks, signals, websockets."""

from uncork.config.kinds import ADDRESSES, FLAG, PATH, PATHS, OptionalText, Text, TextList, a_number, keys, pair
from uncork.config.option import group, option
from uncork.config.quantities import IN_BYTES, LONG_MAX, SECONDS, Integer

_CACHE = TextList(
    "KEY=VALUE,...",
    "name=NAME,items=N and more, by commas",
    keys(("name",), ("items", "max_items", "maxitems")),
)
_LARGE = Integer(maximum=LONG_MAX)
_AREA = TextList("PAGES", "a number of memory pages, or keys such as file=PATH")
_TIMER = TextList("SIGNAL SECONDS", "the number of a signal and seconds, as in 17 60", pair(" ", a_number, a_number))


@group
class Api:
    """What the app finds in the module uwsgi."""

    cache2: tuple[str, ...] = option(
        "cache2",
        kind=_CACHE,
        default=(),
        help="memory that all workers share, such as name=pages,items=1000,blocksize=4096",
        acts=False,
    )
    cache: int = option(
        "cache",
        kind=_LARGE,
        default=0,
        unit="items",
        help="the same, named default, for so many items; 0 for none",
        acts=False,
    )
    cache_blocksize: int = option(
        "cache-blocksize",
        kind=Integer(maximum=LONG_MAX, scale=IN_BYTES),
        default=65536,
        unit="bytes",
        help="the largest value in that one",
        acts=False,
    )
    cache_store: str | None = option(
        "cache-store",
        kind=PATH,
        default=None,
        implies_master=True,
        help="file that keeps it over a restart",
        acts=False,
    )
    cache_store_sync: int = option(
        "cache-store-sync",
        kind=SECONDS,
        default=0,
        unit="seconds",
        help="write that file so often, 0 for at the end only",
        acts=False,
    )
    cache_no_expire: bool = option(
        "cache-no-expire",
        kind=FLAG,
        default=False,
        help="remove nothing whose time is over",
        acts=False,
    )
    cache_expire_freq: int = option(
        "cache-expire-freq",
        kind=SECONDS,
        default=3,
        unit="seconds",
        help="look so often for what to remove",
        acts=False,
    )
    cache_report_freed_items: bool = option(
        "cache-report-freed-items",
        kind=FLAG,
        default=False,
        help="log what was removed",
        acts=False,
    )
    cache_udp_server: tuple[str, ...] = option(
        "cache-udp-server",
        kind=ADDRESSES,
        default=(),
        implies_master=True,
        help="UDP address that changes of the cache are taken from",
        acts=False,
    )
    cache_udp_node: tuple[str, ...] = option(
        "cache-udp-node",
        kind=ADDRESSES,
        default=(),
        implies_master=True,
        help="UDP address that changes of the cache are told to",
        acts=False,
    )
    cache_sync: str | None = option(
        "cache-sync",
        kind=Text("ADDRESS", "host:port or a path"),
        default=None,
        help="server whose cache this one begins with",
        acts=False,
    )
    cache_use_last_modified: bool = option(
        "cache-use-last-modified",
        kind=FLAG,
        default=False,
        help="remember when the cache was changed",
        acts=False,
    )
    add_cache_item: tuple[str, ...] = option(
        "add-cache-item",
        kind=TextList("KEY=VALUE", "KEY=VALUE"),
        default=(),
        help="item that a cache begins with; CACHE KEY=VALUE for another than the first",
        acts=False,
    )
    load_file_in_cache: tuple[str, ...] = option(
        "load-file-in-cache",
        kind=PATHS,
        default=(),
        help="file that a cache begins with, under its path; CACHE FILE for another than the first",
        acts=False,
    )
    load_file_in_cache_gzip: tuple[str, ...] = option(
        "load-file-in-cache-gzip",
        kind=PATHS,
        default=(),
        help="the same, compressed",
        acts=False,
    )
    check_cache: str | None = option(
        "check-cache",
        kind=OptionalText("NAME", "the name of a cache, or nothing"),
        default=None,
        help="look in this cache, or in the first, for the path of the request before the app is asked",
        acts=False,
    )
    queue: int = option(
        "queue",
        kind=Integer(),
        default=0,
        unit="items",
        help="keep a queue of so many items that all workers share, 0 for none",
        acts=False,
    )
    queue_blocksize: int = option(
        "queue-blocksize",
        kind=Integer(scale=IN_BYTES),
        default=8192,
        unit="bytes",
        help="the largest item of it",
        acts=False,
    )
    queue_store: str | None = option(
        "queue-store",
        kind=PATH,
        default=None,
        implies_master=True,
        help="file that keeps it over a restart",
        acts=False,
    )
    queue_store_sync: int = option(
        "queue-store-sync",
        kind=SECONDS,
        default=0,
        unit="seconds",
        help="write that file so often, 0 for at the end only",
        acts=False,
    )
    sharedarea: tuple[str, ...] = option(
        "sharedarea",
        short="A",
        kind=_AREA,
        default=(),
        help="memory that all workers read and write, in pages",
        acts=False,
    )
    py_sharedarea: tuple[str, ...] = option(
        "py-sharedarea",
        kind=_AREA,
        default=(),
        help="the same, which the app sees as a bytearray",
        acts=False,
    )
    locks: int = option(
        "locks",
        kind=Integer(),
        default=0,
        unit="locks",
        help="so many locks for the app, beside the first",
        acts=False,
    )
    rpc_max: int = option(
        "rpc-max",
        kind=_LARGE,
        default=64,
        unit="functions",
        help="how many functions the app may offer to others",
        acts=False,
    )
    signal_timer: tuple[str, ...] = option(
        "signal-timer",
        "timer",
        kind=_TIMER,
        default=(),
        implies_master=True,
        help="raise this signal of the app so often",
        acts=False,
    )
    signal_rbtimer: tuple[str, ...] = option(
        "signal-rbtimer",
        "rbtimer",
        kind=_TIMER,
        default=(),
        implies_master=True,
        help="the same, by a timer of the second kind",
        acts=False,
    )
    signal_bufsize: int = option(
        "signal-bufsize",
        "signals-bufsize",
        kind=Integer(scale=IN_BYTES),
        default=0,
        unit="bytes",
        help="buffer of the sockets that signals of the app go through, 0 for that of the system",
        acts=False,
    )
    websockets_ping_freq: int = option(
        "websockets-ping-freq",
        "websocket-ping-freq",
        kind=SECONDS,
        default=30,
        unit="seconds",
        help="ask the other end of a websocket so often whether it lives",
        acts=False,
    )
    websockets_pong_tolerance: int = option(
        "websockets-pong-tolerance",
        "websocket-pong-tolerance",
        kind=SECONDS,
        default=3,
        unit="seconds",
        help="close a websocket whose other end has not answered for so long",
        acts=False,
    )
    websockets_max_size: int = option(
        "websockets-max-size",
        "websocket-max-size",
        kind=_LARGE,
        default=1024,
        unit="KiB",
        help="the longest message of a websocket",
        acts=False,
    )
