"""Links in the documentation lead somewhere."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from arch.conftest import ROOT, project_files

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+?)\s*$", re.MULTILINE)
ANCHOR = re.compile(r'<a id="([^"]+)"')

PAGES = [path.relative_to(ROOT) for path in project_files([".md"])]


def prose(path: Path) -> str:
    """The text of a page without its code, in which brackets mean something else."""
    return CODE.sub("", FENCE.sub("", path.read_text()))


def links(path: Path) -> list[str]:
    """The targets of a page that are not addresses on the web."""
    return [target for target in LINK.findall(prose(path)) if not re.match(r"[a-z]+:", target)]


def anchors(path: Path) -> set[str]:
    """What may stand behind `#`: `<a id>`, and headings as renderers name them (lower case, spaces to hyphens)."""
    text = FENCE.sub("", path.read_text())
    headings = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(text)}
    return headings | set(ANCHOR.findall(text))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_relative_link_resolves(page: Path) -> None:
    """Each link of a page names a file of the project, and a place in it that exists."""
    dead = []
    for target in links(ROOT / page):
        name, _, anchor = unquote(target).partition("#")
        path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            dead.append(target)

    assert dead == []


def test_every_page_is_reachable_from_the_readme() -> None:
    """Whoever begins with README.md can come to every page of docs by links."""
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        names = [unquote(target).partition("#")[0] for target in links(page)]
        paths = [(page.parent / name).resolve() for name in names if name]
        waiting += [path / "README.md" if path.is_dir() else path for path in paths]
    docs = {ROOT / page for page in PAGES if page.parts[0] == "docs"}

    assert docs - seen == set()
