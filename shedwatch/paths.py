"""Relative paths of a configuration, taken from the folder of its file wherever the service is started from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_SQLITE = ("sqlite+aiosqlite:///", "sqlite:///")


def rebase(data: dict[str, Any], base: Path) -> None:
    """Make every relative path in the raw configuration absolute, in place; what is no text is left to the validation."""
    data["data_dir"] = _joined(data.get("data_dir", "data"), base)
    store = _section(data, "store")
    url = store.get("url", "embedded:data/telemetry.db")
    if isinstance(url, str) and url.startswith("embedded:"):
        store["url"] = f"embedded:{_joined(url.removeprefix('embedded:'), base)}"
    else:
        store["file"] = _joined(store.get("file", "data/telemetry.db"), base)
    alerts = _section(data, "alerts")
    for begin in _SQLITE:
        database = alerts.get("database")
        if isinstance(database, str) and database.startswith(begin):
            alerts["database"] = begin + _joined(database.removeprefix(begin), base)
            break
    _files(data, base)


def _section(data: dict[str, Any], name: str) -> dict[str, Any]:
    section = data.setdefault(name, {})
    return section if isinstance(section, dict) else {}


def _joined(path: Any, base: Path) -> Any:
    return str(base / path) if isinstance(path, str) and path else path


def _files(value: Any, base: Path) -> None:
    """`*_file` keys and file sources of cameras, however deep."""
    if isinstance(value, list):
        for item in value:
            _files(item, base)
    elif isinstance(value, dict):
        for key, inner in value.items():
            is_source = key == "source" and isinstance(inner, str) and inner != "mqtt" and "://" not in inner
            if is_source or (isinstance(key, str) and key.endswith("_file")):
                value[key] = _joined(inner, base)
            else:
                _files(inner, base)
