"""The rule book: what may be configured, how overrides add up, and how mistakes are named."""

from __future__ import annotations

from typing import Any

import pytest
from alarm_samples import C1, C2, TOPOLOGY, around
from msgspec import structs

from alerts.messages import ADVICE
from alerts.model import AlertKind
from alerts.rules.hazard import Hazard
from alerts.rules.hazards import HAZARDS
from alerts.rules.hazards_electrical import Leakage, OverPower, OverTemperature
from alerts.rules.hazards_fire import Sight
from alerts.rules.settings import RuleBook, RuleSettingsError


def test_the_nearer_override_wins_field_by_field() -> None:
    """Device over shed over site over rules over defaults, in whatever order they are written."""
    book = RuleBook.parse(
        {
            "rules": {"over_temperature": {"high_c": 61, "hysteresis_c": 1}},
            "overrides": [
                {"match": "cuiping/shed-1/c1", "rules": {"over_temperature": {"high_c": 64}}},
                {"match": "cuiping", "rules": {"over_temperature": {"high_c": 62, "critical_c": 79}}},
                {"match": "cuiping/shed-1", "rules": {"over_temperature": {"high_c": 63}}},
            ],
        },
        TOPOLOGY,
    )
    near = book.of(AlertKind.OVER_TEMPERATURE, OverTemperature, C1)
    other = book.of(AlertKind.OVER_TEMPERATURE, OverTemperature, C2)
    assert (near.high_c, near.critical_c, near.hysteresis_c, near.on_delay_s) == (64, 79, 1, 0)
    assert other.high_c == 63
    assert book.of(AlertKind.OVER_TEMPERATURE, OverTemperature).high_c == 61


@pytest.mark.parametrize(
    ("configuration", "path", "words"),
    [
        ({"rules": {"over_temperature": {"high_c": "60"}}}, "rules.over_temperature.high_c", "Expected `float`"),
        ({"rules": {"over_temperature": {"high_c": 999}}}, "rules.over_temperature.high_c", "<= 400"),
        ({"rules": {"over_temperature": {"higc": 60}}}, "rules.over_temperature.higc", "did you mean high_c?"),
        ({"rules": {"over_temperature": {"high_c": 90}}}, "rules.over_temperature", "not below critical_c"),
        ({"rules": {"over_temperatur": {}}}, "rules.over_temperatur", "did you mean over_temperature?"),
        ({"rules": {"smoke": True}}, "rules.smoke", "not a mapping"),
        ({"rules": {"smoke": {"severity": "bad"}}}, "rules.smoke.severity", "Invalid enum"),
        ({"rules": []}, None, ""),
        ({"rules": [1]}, "rules", "not a mapping"),
        ({"rulez": {}}, "rulez", "did you mean rules?"),
        ({"overrides": {}}, None, ""),
        ({"overrides": {"a": 1}}, "overrides", "not a list"),
        ({"overrides": [{"rules": {}}]}, "overrides.0.match", "which site"),
        ({"overrides": [{"match": "a/b/c/d"}]}, "overrides.0.match", "is not site"),
        ({"overrides": [{"match": "cuiping/shed-9"}]}, "overrides.0.match", "nothing is configured"),
        ({"overrides": [{"match": "cuiping", "rule": {}}]}, "overrides.0.rule", "did you mean rules?"),
        (
            {"overrides": [{"match": "cuiping", "rules": {"leakage": {"high_ma": "x"}}}]},
            "overrides.0.rules.leakage.high_ma",
            "Expected `float`",
        ),
        (
            {
                "rules": {"over_temperature": {"high_c": 79}},
                "overrides": [{"match": "cuiping", "rules": {"over_temperature": {"critical_c": 70}}}],
            },
            "overrides.0.rules.over_temperature",
            "not below critical_c",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key(configuration: dict[str, Any], path: str | None, words: str) -> None:
    """What is wrong, where, and what may have been meant; an empty section is no mistake."""
    if path is None:
        RuleBook.parse(configuration, TOPOLOGY)
        return
    with pytest.raises(RuleSettingsError, match=words.replace("(", r"\(").replace("?", r"\?")) as caught:
        RuleBook.parse(configuration, TOPOLOGY)
    assert ".".join(str(part) for part in caught.value.path) == path


def test_an_override_is_judged_together_with_what_it_adds_to() -> None:
    """High above the default critical is right where critical is raised too."""
    RuleBook.parse(
        {
            "rules": {"over_temperature": {"critical_c": 95}},
            "overrides": [{"match": "cuiping", "rules": {"over_temperature": {"high_c": 90}}}],
        }
    )


@pytest.mark.parametrize("kind", HAZARDS)
def test_every_kind_can_be_switched_off_and_has_a_reason_and_advice(kind: AlertKind) -> None:
    """No threshold without its reason, no alert without what to do."""
    book = around(**{str(kind): {"enabled": False}}).book
    settings = HAZARDS[kind]
    assert book.of(kind, Hazard, C1).enabled is False
    assert ADVICE[kind].zh
    assert ADVICE[kind].en
    documented = " ".join(klass.__doc__ or "" for klass in settings.__mro__)
    for field in structs.fields(settings):
        assert f"{field.name}:" in documented or f"{field.name}," in documented, f"{settings.__name__}.{field.name}"


def test_asking_for_the_wrong_kind_of_settings_is_a_mistake_of_the_rule() -> None:
    """And is told as one."""
    with pytest.raises(TypeError, match="OverTemperature"):
        RuleBook().of(AlertKind.OVER_TEMPERATURE, Sight)


def test_devices_of_the_same_settings_share_them() -> None:
    """Ten thousand ports keep one object, and an override makes one more."""
    book = RuleBook.parse({"overrides": [{"match": "cuiping/shed-1/c2", "rules": {"leakage": {"high_ma": 20}}}]})
    of = book.of
    assert of(AlertKind.OVER_POWER, OverPower, C1) is of(AlertKind.OVER_POWER, OverPower, C2)
    assert of(AlertKind.LEAKAGE, Leakage, C1) is of(AlertKind.LEAKAGE, Leakage)
    assert of(AlertKind.LEAKAGE, Leakage, C2).high_ma == 20
