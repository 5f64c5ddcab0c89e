"""The words of the page: `static/i18n/{language}.json`, one flat catalogue a language, all with the same keys."""

from __future__ import annotations

import json
from functools import cache
from typing import Literal

from api.dashboard.assets import FOLDER

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
"""Chinese first: it is what is shown until someone chooses."""
TAGS: dict[Language, str] = {"zh": "zh-CN", "en": "en"}


@cache
def catalogue(language: Language) -> dict[str, str]:
    """All texts of a language by key."""
    texts: dict[str, str] = json.loads((FOLDER / "i18n" / f"{language}.json").read_text("utf-8"))
    return texts


def language_of(text: str | None) -> Language | None:
    """The language someone asked for, or None where that is none of ours."""
    return next((language for language in LANGUAGES if language == text), None)
