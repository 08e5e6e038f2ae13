"""The files of what was imported, and whether they are as they were."""

import importlib
import importlib.machinery
import importlib.util
import os
import py_compile
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from uncork.config.load import load
from uncork.errors import AppLoadError
from uncork.worker.apploader import load_module
from uncork.worker.modules import ModuleWatch, files_of, loaded_files

# Whole seconds long ago, so that every change below is newer, however coarse the clock of the file system.
LONG_AGO = (1_000_000_000, 1_000_000_000)
Load = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder to import from; what a test has imported is forgotten after it."""
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(sys.modules)
    yield
    sys.modules.clear()
    sys.modules.update(before)


@pytest.fixture
def imported(tmp_path: Path) -> Load:
    """Put a module into sys.modules, with a file that was changed long ago."""

    def put(name: str) -> Path:
        path = tmp_path / f"{name}.py"
        path.write_text("x = 1\n")
        os.utime(path, LONG_AGO)
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__file__ = str(path)
        return path

    return put


def watch(*ignore: str) -> ModuleWatch:
    """A watch that has seen everything."""
    modules = ModuleWatch(ignore)
    modules.snapshot()
    return modules


def write_then_rename(path: Path) -> None:
    """What many editors do to save."""
    new = path.with_suffix(".swp")
    new.write_text("x = 2\n")
    new.rename(path)


# ---- changes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda path: path.write_text("x = 2\n"), True),
        (os.utime, True),
        (lambda path: os.utime(path, (0, 1)), True),
        (write_then_rename, True),
        (Path.unlink, False),
        (lambda path: path.chmod(0o600), False),
        (lambda path: path.read_text(), False),
    ],
)
def test_change(imported: Load, change: Callable[[Path], object], counts: bool) -> None:
    """A file that was written is found once, an older one as well; one that was removed or only read is not."""
    path = imported("one")
    modules = watch()
    assert modules.changed() is None
    change(path)
    assert modules.changed() == (str(path) if counts else None)
    assert modules.changed() is None


def test_several_changes_are_one(imported: Load) -> None:
    """Of all files that changed together one is named, and none is kept for later."""
    paths = [imported(name) for name in ("one", "two", "three")]
    modules = watch()
    for path in paths[1:]:
        os.utime(path)
    assert modules.changed() == str(paths[1])
    assert modules.changed() is None


def test_saved_by_removing(imported: Load) -> None:
    """A file that is away for a moment is looked at when it is back: it counts if it is another."""
    path = imported("one")
    modules = watch()
    aside = path.with_suffix(".orig")
    path.rename(aside)
    assert modules.changed() is None
    aside.rename(path)
    assert modules.changed() is None
    path.unlink()
    assert modules.changed() is None
    path.write_text("x = 3\n")
    assert modules.changed() == str(path)


def test_broken_for_a_moment(imported: Load) -> None:
    """A file that was saved broken is a change, and so is the file that mends it."""
    path = imported("one")
    modules = watch()
    path.write_text("")
    assert modules.changed() == str(path)
    path.write_text("def broken(:\n")
    assert modules.changed() == str(path)
    path.write_text("x = 4\n")
    assert modules.changed() == str(path)
    assert modules.changed() is None


def test_imported_later(imported: Load) -> None:
    """A module that is imported after the first look is watched from the next one on."""
    modules = watch()
    path = imported("later")
    assert modules.changed() is None
    os.utime(path)
    assert modules.changed() == str(path)


def test_forgotten_module(imported: Load) -> None:
    """A file stays watched when its module is no longer there: a failed import takes it away."""
    path = imported("one")
    modules = watch()
    del sys.modules["one"]
    os.utime(path)
    assert modules.changed() == str(path)


def test_snapshot_forgives(imported: Load) -> None:
    """What has changed before a snapshot does not count after it."""
    path = imported("one")
    modules = watch()
    os.utime(path)
    modules.snapshot()
    assert modules.changed() is None


def test_other_files(tmp_path: Path) -> None:
    """Files can be watched that no module has, and that are not there yet."""
    there, later = tmp_path / "there.py", tmp_path / "later.py"
    there.touch()
    os.utime(there, LONG_AGO)
    modules = ModuleWatch()
    modules.also([str(there), str(later)])
    assert modules.changed() is None
    later.touch()
    assert modules.changed() == str(later)
    os.utime(there)
    modules.also([str(there)])
    assert modules.changed() == str(there)
    assert modules.changed() is None


def test_ignore(imported: Load) -> None:
    """A module is ignored by its whole name, as with uWSGI, and not by a part of it."""
    settings = load(["--py-autoreload", "2", "--py-auto-reload-ignore", "one", "--py-auto-reload-ignore=three"], {})
    options = settings.settings.touch
    paths = [imported(name) for name in ("one", "one.two", "three")]
    modules = watch(*options.py_auto_reload_ignore)
    for path in paths:
        os.utime(path)
    assert modules.changed() == str(paths[1])
    assert modules.changed() is None


@pytest.mark.parametrize("name", ["py-autoreload", "py-auto-reload", "python-autoreload", "python-auto-reload"])
def test_spellings(name: str) -> None:
    """Every spelling of uWSGI's is the same option, and starts a master."""
    settings = load([f"--{name}", "3"], {}).settings
    assert settings.touch.py_autoreload == 3
    assert settings.master


def test_one_look_a_file(imported: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn costs one stat(2) for each file, and nothing for those that several modules share."""
    path = imported("one")
    for name in ("two", "three"):
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__file__ = str(path)
    modules = watch()
    modules.changed()
    looked: list[str] = []
    stat = os.stat

    def counting(place: str) -> os.stat_result:
        looked.append(place)
        return stat(place)

    monkeypatch.setattr(os, "stat", counting)
    modules.changed()
    monkeypatch.undo()
    assert looked.count(str(path)) == 1
    assert len(looked) == len(set(looked)) >= 100


# ---- odd modules -----------------------------------------------------------------------------------------------------


class Raising(ModuleType):
    """A module that fails whoever asks it for anything."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)


class Slotted:
    """No module, without a dictionary, that fails whoever asks it for anything."""

    __slots__ = ()

    def __getattr__(self, name: str) -> object:
        raise KeyError(name)


class Answering:
    """No module, that answers every name."""

    def __getattr__(self, name: str) -> object:
        return 7


@pytest.mark.parametrize("make", [lambda: Raising("odd"), Slotted, Answering, lambda: None, int, str])
def test_odd_modules(imported: Load, make: Callable[[], ModuleType]) -> None:
    """Whatever somebody has put into sys.modules, the others are watched."""
    sys.modules["odd"] = make()
    path = imported("one")
    modules = watch()
    os.utime(path)
    assert modules.changed() == str(path)
    assert str(path) in loaded_files()


@pytest.mark.parametrize("file", [None, "", b"/x", 5, "/no/such/app.zip/mod.py", "bad\0name.py"])
def test_odd_files(imported: Load, file: object) -> None:
    """A module whose `__file__` is no file is passed over."""
    path = imported("one")
    odd = ModuleType("odd")
    odd.__file__ = file  # type: ignore[assignment]
    sys.modules["odd"] = odd
    modules = watch()
    assert modules.changed() is None
    os.utime(path)
    assert modules.changed() == str(path)


def test_replaced_by_an_object(imported: Load) -> None:
    """An object that stands for a module and has its `__file__` is watched as the module would be."""

    class Settings:
        __file__ = str(imported("settings"))

    sys.modules["settings"] = Settings()  # type: ignore[assignment]
    modules = watch()
    os.utime(Settings.__file__)
    assert modules.changed() == Settings.__file__


def test_lazy_module_is_not_woken(tmp_path: Path) -> None:
    """A module that loads itself when it is used is still asleep after a look."""
    path = tmp_path / "lazy.py"
    path.write_text("raise SystemExit('somebody looked')\n")
    loader = importlib.util.LazyLoader(importlib.machinery.SourceFileLoader("lazy", str(path)))
    spec = importlib.util.spec_from_file_location("lazy", str(path), loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lazy"] = module
    loader.exec_module(module)
    assert str(path) in loaded_files()
    modules = watch()
    path.write_text("x = 1\n")
    assert modules.changed() == str(path)


def test_namespace_package(tmp_path: Path) -> None:
    """A package without a file is none to watch; what is in it is."""
    (tmp_path / "space").mkdir()
    path = tmp_path / "space" / "inner.py"
    path.touch()
    os.utime(path, LONG_AGO)
    importlib.invalidate_caches()
    importlib.import_module("space.inner")
    modules = watch()
    os.utime(path)
    assert modules.changed() == str(path)
    assert str(tmp_path / "space") not in loaded_files()


@pytest.mark.parametrize("cached", [False, True])
def test_compiled(tmp_path: Path, cached: bool) -> None:
    """For compiled code its source is watched."""
    source = tmp_path / "one.py"
    source.touch()
    os.utime(source, LONG_AGO)
    module = ModuleType("one")
    module.__file__ = importlib.util.cache_from_source(str(source)) if cached else f"{source}c"
    sys.modules["one"] = module
    modules = watch()
    os.utime(source)
    assert modules.changed() == str(source)


def test_compiled_without_source(tmp_path: Path) -> None:
    """Compiled code that comes without source is watched itself."""
    source = tmp_path / "one.py"
    source.write_text("x = 1\n")
    compiled = py_compile.compile(str(source), cfile=str(tmp_path / "one.pyc"), doraise=True)
    assert compiled is not None
    source.unlink()
    importlib.invalidate_caches()
    importlib.import_module("one")
    modules = watch()
    os.utime(compiled, LONG_AGO)
    assert modules.changed() == compiled


def test_extension(imported: Load, tmp_path: Path) -> None:
    """A module in C is watched by its library; one that is part of the interpreter has no file and is passed over."""
    library = tmp_path / "fast.cpython-311-x86_64-linux-gnu.so"
    library.touch()
    os.utime(library, LONG_AGO)
    imported("fast")
    sys.modules["fast"].__file__ = str(library)
    modules = watch()
    os.utime(library)
    assert modules.changed() == str(library)
    assert not hasattr(sys, "__file__")


def test_loaded_files(imported: Load) -> None:
    """The files of all modules, each once, absolute and in order."""
    path = imported("one")
    sys.modules["two"] = sys.modules["one"]
    files = loaded_files()
    assert files.count(str(path)) == 1
    assert files == sorted(set(files))
    assert all(os.path.isabs(file) for file in files)


# ---- failed imports --------------------------------------------------------------------------------------------------


def failure(name: str) -> BaseException:
    """What an application raises that cannot be loaded."""
    importlib.invalidate_caches()
    with pytest.raises(AppLoadError) as caught:
        load_module(name, None)
    return caught.value


def test_new_file_with_a_syntax_error(tmp_path: Path) -> None:
    """The broken file is told, although no module of it is left, and so are those that wanted it; the nearest first."""
    (tmp_path / "shop.py").write_text("import shop_views\n")
    (tmp_path / "shop_views.py").write_text("\nimport shop_new\n")
    (tmp_path / "shop_new.py").write_text("def broken(:\n")
    files = files_of(failure("shop"))
    assert files[:3] == [str(tmp_path / name) for name in ("shop_new.py", "shop_views.py", "shop.py")]
    assert not {"shop", "shop_views", "shop_new"} & sys.modules.keys()


def test_error_of_another_error(tmp_path: Path) -> None:
    """The files of the first cause are told, and those of what was made of it."""
    (tmp_path / "first.py").write_text("raise KeyError('x')\n")
    (tmp_path / "second.py").write_text(
        "try:\n    import first\nexcept KeyError as error:\n    raise RuntimeError from error\n"
    )
    assert files_of(failure("second"))[:2] == [str(tmp_path / "first.py"), str(tmp_path / "second.py")]


@pytest.mark.parametrize("missing", ["later.py", "later/__init__.py"])
def test_file_that_is_not_there_yet(tmp_path: Path, missing: str) -> None:
    """For a module that was not found the places are told where it would be found."""
    (tmp_path / "wanting.py").write_text("import later\n")
    modules = ModuleWatch()
    modules.also(files_of(failure("wanting")))
    assert modules.changed() is None
    path = tmp_path / missing
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert modules.changed() == str(path)


def test_missing_in_a_package(tmp_path: Path) -> None:
    """A module of a package would be found in that package."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").touch()
    (tmp_path / "wanting.py").write_text("import pack.later\n")
    files = files_of(failure("wanting"))
    assert str(tmp_path / "pack" / "later.py") in files
    assert str(tmp_path / "later.py") not in files


def test_error_without_files() -> None:
    """An error that comes from nowhere names no file, and neither does one that is its own cause."""
    assert files_of(ValueError()) == []
    error = ValueError()
    error.__cause__ = error
    assert files_of(error) == []
