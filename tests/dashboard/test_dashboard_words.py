"""The catalogues: the same keys, the same blanks, and a word for everything the contract can say."""

from __future__ import annotations

import re

import pytest

from alerts.cutoff.model import CutState
from alerts.lifecycle import Action
from alerts.model import AlarmState, AlertKind, Severity
from api.auth import Role
from api.dashboard.assets import FOLDER
from api.dashboard.words import LANGUAGES, catalogue, language_of
from ingest.contract import SENSOR_KINDS
from ingest.counters import RefusalKind
from ingest.model import FIELDS, PORT_FAULTS, PORT_STATES

VOCABULARY = [
    *(f"kind.{kind}" for kind in AlertKind),
    *(f"severity.{severity}" for severity in Severity),
    *(f"state.{state}" for state in AlarmState),
    *(f"action.{action}" for action in Action),
    *(f"cut.state.{state}" for state in CutState),
    *(f"port.state.{state}" for state in (*PORT_STATES, "unknown")),
    *(f"port.letter.{state}" for state in (*PORT_STATES, "unknown")),
    *(f"fault.{fault}" for fault in PORT_FAULTS),
    *(f"field.{field}" for field in FIELDS),
    *(f"sensor.kind.{kind}" for kind in SENSOR_KINDS),
    *(f"role.{role}" for role in Role),
    *(f"refusal.{kind}" for kind in RefusalKind),
]
SCRIPTS = sorted((FOLDER / "js").glob("*.js"))


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    """A key that is missing in one language would be shown as itself."""
    assert list(catalogue("zh")) == list(catalogue("en"))


def test_both_languages_fill_in_the_same_figures() -> None:
    """A blank that only one language has would lose a figure."""

    def blanks(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", text))

    zh, en = catalogue("zh"), catalogue("en")

    assert [key for key in zh if blanks(zh[key]) != blanks(en[key])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_the_service_can_say_has_a_word(language: str) -> None:
    """Kinds, states, faults, fields: an operator never reads an identifier."""
    chosen = language_of(language)
    assert chosen is not None

    assert [key for key in VOCABULARY if key not in catalogue(chosen)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_text_a_script_asks_for_is_there(path) -> None:
    """`t("…")` with a key of no catalogue would show the key."""
    asked = re.findall(r"""\bt\(\s*"([a-z0-9_.]+)"[,)]""", path.read_text("utf-8"))

    assert [key for key in asked if key not in catalogue("zh")] == []


def test_every_kind_of_alert_has_advice() -> None:
    """Each kind is in one family of the alarm panel, and each family says what to do."""
    source = (FOLDER / "js" / "alarmpanel.js").read_text("utf-8")
    families = dict(re.findall(r"^  (\w+): \[(.+)\],$", source, re.MULTILINE))
    kinds = [kind for listed in families.values() for kind in re.findall(r'"(\w+)"', listed)]

    assert sorted(kinds) == sorted(AlertKind)
    assert [family for family in (*families, "other") if f"advice.{family}.1" not in catalogue("zh")] == []


def test_chinese_text_is_chinese() -> None:
    """A text of Latin letters alone was never translated; but for the other language's own name."""
    texts = {key: re.sub(r"\{\w+\}", "", text) for key, text in catalogue("zh").items()}
    latin = [key for key, text in texts.items() if re.search(r"[A-Za-z]{3}", text) and not re.search(r"[一-鿿]", text)]

    assert latin == ["nav.language"]
