"""The pages: log-in, and one shell for the wall, a shed and an alert, which its script fills from the address."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Query, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.dashboard.words import LANGUAGES, TAGS, Language, catalogue, language_of

LANGUAGE_COOKIE = "shedwatch_lang"
_YEAR_S = 365 * 86_400

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

Asked = Annotated[str | None, Query(max_length=10)]
Remembered = Annotated[str | None, Cookie(alias=LANGUAGE_COOKIE)]


def render(template: str, language: Language, path: str = "/") -> str:
    """A template in a language; `path` is where its language switch leads back to."""
    other: Language = next(known for known in LANGUAGES if known != language)
    return _environment.get_template(template).render(
        t=catalogue(language), lang=TAGS[language], other=other, other_lang=TAGS[other], path=path
    )


def render_with(template: str, **values: Any) -> str:
    """A template that speaks both languages at once, with values of its own."""
    return _environment.get_template(template).render(zh=catalogue("zh"), en=catalogue("en"), **values)


def _page(template: str, request: Request, asked: str | None, remembered: str | None) -> HTMLResponse:
    chosen = language_of(asked)
    language = chosen or language_of(remembered) or LANGUAGES[0]
    response = HTMLResponse(render(template, language, request.url.path))
    response.headers["Content-Language"] = TAGS[language]
    if chosen:
        response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_YEAR_S, samesite="lax")
    return response


@router.get("/login")
async def login(request: Request, lang: Asked = None, shedwatch_lang: Remembered = None) -> HTMLResponse:
    """One field: the access code."""
    return _page("login.html", request, lang, shedwatch_lang)


@router.get("/")
@router.get("/sheds/{site}/{shed}")
@router.get("/alerts/{alert_id}")
async def shell(request: Request, lang: Asked = None, shedwatch_lang: Remembered = None) -> HTMLResponse:
    """The wall; with an address below it one shed, or one alert."""
    return _page("shell.html", request, lang, shedwatch_lang)


@router.get("/dead-letters")
async def letters(request: Request, lang: Asked = None, shedwatch_lang: Remembered = None) -> HTMLResponse:
    """What was refused, for whoever looks after the devices."""
    return _page("letters.html", request, lang, shedwatch_lang)
