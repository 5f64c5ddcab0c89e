"""The pages as they are served: shells without data, in two languages, with nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.dashboard.assets import FOLDER
from api.dashboard.pages import render
from api.dashboard.words import LANGUAGES, language_of
from tests.api.fakes import SITE, house

SHELLS = ["/", f"/sheds/{SITE}/shed-1", "/alerts/01ABC"]
OWN = [path for path in FOLDER.rglob("*") if path.is_file() and "vendor" not in path.parts]
SCRIPTS = [path for path in OWN if path.suffix == ".js"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home = house(tmp_path_factory.mktemp("house"))
    yield TestClient(create_app(home.deps))
    home.tokens.close()


@pytest.mark.parametrize("path", [*SHELLS, "/login", "/dead-letters"])
def test_a_page_is_chinese_until_english_is_asked_for(client: TestClient, path: str) -> None:
    """Chinese first; `?lang=en` changes it and is remembered, nonsense changes nothing."""
    client.cookies.clear()

    assert '<html lang="zh-CN">' in client.get(path).text
    assert '<html lang="zh-CN">' in client.get(f"{path}?lang=xx").text
    english = client.get(f"{path}?lang=en")
    assert '<html lang="en">' in english.text
    assert english.headers["content-language"] == "en"
    assert '<html lang="en">' in client.get(path).text
    client.cookies.clear()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["login.html", "shell.html", "letters.html"])
def test_templates_render_in_every_language(template: str, language: str) -> None:
    """Every word a template asks for is in each catalogue, and nothing of the template is left over."""
    chosen = language_of(language)
    assert chosen is not None

    page = render(template, chosen, "/sheds/a/b")

    assert "{{" not in page
    assert "{%" not in page
    assert f"/sheds/a/b?lang={'en' if language == 'zh' else 'zh'}" in page


def test_the_address_of_the_language_switch_is_escaped(client: TestClient) -> None:
    """What stands in the address is text in the page, never markup."""
    page = client.get('/alerts/"><b onclick=x>').text

    assert "<b onclick" not in page


@pytest.mark.parametrize("path", [*SHELLS, "/login", "/static/js/main.js", "/static/i18n/zh.json"])
def test_everything_comes_with_the_policy_that_forbids_what_is_not_ours(client: TestClient, path: str) -> None:
    """No inline script, no foreign host: the browser is told to refuse them, and nothing is sniffed."""
    answer = client.get(path)

    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_static_files_are_asked_for_again_but_not_sent_again(client: TestClient) -> None:
    """A wall screen must not mix two versions of the page; an unchanged file costs only the question."""
    first = client.get("/static/js/main.js")
    again = client.get("/static/js/main.js", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["content-type"].startswith("text/javascript")
    assert again.status_code == 304


def test_nothing_outside_the_static_folder_is_served(client: TestClient) -> None:
    """A path that climbs out finds nothing."""
    assert client.get("/static/../pages.py").status_code == 404
    assert client.get("/static/%2e%2e/pages.py").status_code == 404


@pytest.mark.parametrize("template", ["login.html", "shell.html", "letters.html"])
def test_templates_have_no_inline_script_or_style(template: str) -> None:
    """The policy would refuse them; so would a reader."""
    page = render(template, "zh")

    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\s(style|on[a-z]+)=", page)
    assert "<style" not in page


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_turns_text_into_markup_or_code(path: Path) -> None:
    """Names and messages come from outside: they go in as text nodes, whatever they hold."""
    text = path.read_text("utf-8")

    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
    ):
        assert word not in text


@pytest.mark.parametrize(
    "path", [one for one in OWN if one.suffix in (".js", ".css", ".html")], ids=lambda path: path.name
)
def test_no_file_names_another_host(path: Path) -> None:
    """The page works in a duty room without internet."""
    addresses = re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z.]+[^\s\"']*", path.read_text("utf-8"))

    assert [address for address in addresses if "www.w3.org" not in address] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_import_leads_to_a_file_that_has_what_is_imported(path: Path) -> None:
    """There is no build step that would find a wrong name."""
    for names, target in re.findall(r'^import (.+?) from "(.+?)";', path.read_text("utf-8"), re.MULTILINE):
        file = (path.parent / target).resolve()
        assert file.is_file()
        if "vendor" in file.parts or not names.startswith("{"):
            continue
        exported = set(
            re.findall(r"^export (?:async )?(?:function|class|const|let) (\w+)", file.read_text("utf-8"), re.MULTILINE)
        )
        assert {name.strip() for name in names.strip("{} ").split(",")} <= exported


def test_the_vendored_library_is_the_one_that_is_said_with_its_licence() -> None:
    """uPlot 1.6.32, unchanged, and under which terms."""
    folder = FOLDER / "vendor" / "uplot"

    assert "(v1.6.32)" in (folder / "uPlot.esm.js").read_text("utf-8")
    assert "MIT License" in (folder / "LICENSE").read_text("utf-8")


def test_the_catalogues_are_plain_json() -> None:
    """Flat objects of texts, so that a translator needs nothing else."""
    for language in LANGUAGES:
        texts = json.loads((FOLDER / "i18n" / f"{language}.json").read_text("utf-8"))
        assert all(isinstance(key, str) and isinstance(text, str) and text for key, text in texts.items())
