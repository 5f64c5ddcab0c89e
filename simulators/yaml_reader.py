"""YAML with line numbers: text → values that can be asked for by key and complain with file, line and key.

Errors:
    ScenarioError(ValueError): `str(error)` reads `demo.yaml:12: faults[2].at_s: …`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

import yaml

Path = tuple[str | int, ...]


class ScenarioError(ValueError):
    """A scenario that cannot be understood, with file, line and key."""


class Document:
    """A parsed YAML file that knows on which line each value stands."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._lines: dict[Path, int] = {}
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                self._walk(node, ())
            data = None if node is None else loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ScenarioError(f"{name}:{line}: not YAML: {error.problem}") from None
        except (yaml.YAMLError, ValueError) as error:
            raise ScenarioError(f"{name}:1: not YAML: {error}") from None
        finally:
            loader.dispose()
        self.root = Part(self, data, ())

    def fail(self, path: Path, message: str) -> ScenarioError:
        """The error to raise about the value at `path` (or, where it is missing, about what should hold it)."""
        known = path
        while known and known not in self._lines:
            known = known[:-1]
        return ScenarioError(f"{self.name}:{self._lines.get(known, 1)}: {dotted(path)}: {message}")

    def _walk(self, node: yaml.Node, path: Path) -> None:
        self._lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._walk(item, (*path, index))
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*path, str(key.value))
                if inner in self._lines:
                    self._lines[inner] = key.start_mark.line + 1
                    raise self.fail(inner, "is given twice")
                self._walk(value, inner)
                self._lines[inner] = key.start_mark.line + 1


def dotted(path: Path) -> str:
    """`faults[2].at_s` for ("faults", 2, "at_s")."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the file"


class Part:
    """One map of a document, asked key by key. A key that is missing and has no default is an error."""

    def __init__(self, document: Document, data: Any, path: Path) -> None:
        self._document = document
        self._path = path
        if not isinstance(data, dict):
            raise document.fail(path, "must be a map of keys and values")
        self.data: dict[Any, Any] = data

    def fail(self, key: str, message: str) -> ScenarioError:
        """The error to raise about one of its keys."""
        return self._document.fail((*self._path, key), message)

    def only(self, known: Collection[str]) -> None:
        """Refuse keys that mean nothing here."""
        for key in self.data:
            if key not in known:
                raise self.fail(str(key), f"unknown key; there are {', '.join(sorted(known))}")

    def has(self, key: str) -> bool:
        """Whether the key is given, and not empty."""
        return self.data.get(key) is not None

    def number(
        self, key: str, default: float | None = None, *, low: float = -math.inf, high: float = math.inf
    ) -> float:
        """A finite number within bounds."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.fail(key, f"must be a number, not {value!r}")
        if not low <= value <= high:
            raise self.fail(key, f"must be within {low:g} and {high:g}, not {value!r}")
        return float(value)

    def optional_number(self, key: str, *, low: float = -math.inf) -> float | None:
        """A number, or None where the key is not given."""
        return self.number(key, low=low) if self.has(key) else None

    def whole(self, key: str, *, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self.number(key, low=low, high=high)
        if value != int(value):
            raise self.fail(key, f"must be a whole number, not {value!r}")
        return int(value)

    def text(self, key: str, default: str | None = None, *, of: Collection[str] | None = None) -> str:
        """Text; with `of`, one of these words."""
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self.fail(key, f"must be text, not {value!r}")
        if of is not None and value not in of:
            raise self.fail(key, f"unknown {key} {value!r}; there are {', '.join(sorted(of))}")
        return value

    def optional_bool(self, key: str) -> bool | None:
        """true, false, or None where the key is not given."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.fail(key, f"must be true or false, not {value!r}")
        return value

    def part(self, key: str, default: dict[str, Any] | None = None) -> Part:
        """A map inside this one."""
        return Part(self._document, self._get(key, default), (*self._path, key))

    def parts(self, key: str) -> Iterator[Part]:
        """The maps of a list; nothing where the key is not given."""
        for index, item in enumerate(self.items(key)):
            yield Part(self._document, item, (*self._path, key, index))

    def items(self, key: str) -> list[Any]:
        """A list; empty where the key is not given."""
        value = self.data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fail(key, "must be a list")
        return value

    def _get(self, key: str, default: Any) -> Any:
        value = self.data.get(key)
        if value is None:
            value = default
        if value is None:
            raise self.fail(key, "is missing")
        return value
