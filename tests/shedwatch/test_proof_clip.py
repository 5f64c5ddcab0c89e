"""The clip of a proof comes from a process of its own, and what goes wrong there is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shedwatch import proof_clip


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("#!/bin/sh\necho no such layout >&2\nexit 1\n", "could not be rendered: no such layout"),
        ("#!/bin/sh\nexec sleep 60\n", "not rendered within 0.2 s"),
    ],
)
async def test_a_clip_that_cannot_be_rendered_is_an_error_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, says: str
) -> None:
    """The proof fails with it; the service does not hang on it."""
    fake = tmp_path / "python"
    fake.write_text(program)
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    monkeypatch.setattr(proof_clip, "LONGEST_S", 0.2 if "sleep" in program else 10.0)
    with pytest.raises(proof_clip.FilmError, match=says):
        await proof_clip.film()
