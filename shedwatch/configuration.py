"""Reading the configuration: one YAML file, overridden by `SHEDWATCH__SECTION__KEY`, refused with line and key.

Relative paths are taken from the file's folder, so that the service does the same wherever it is started from.

Errors:
    ConfigurationError(Exception): `.problems` lists every mistake found as `where: key: what`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from shedwatch.checks import Problem, usage_problems, value_problems
from shedwatch.paths import rebase
from shedwatch.settings import Settings

ENV_PREFIX = "SHEDWATCH__"
Path_ = tuple[str | int, ...]
Where = Callable[[Path_], str]
# Values of these keys may hold a password and are never repeated in a message.
_SECRET_KEYS = {("url",), ("secret",), ("token",)}


class ConfigurationError(Exception):
    """A configuration that cannot be used."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Document:
    """A YAML document that remembers on which line each key stands."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines: dict[Path_, int] = {}
        self.duplicates: list[str] = []
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            self.data: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigurationError([self._yaml_problem(error)]) from None
        if node is not None:
            self._walk(node, ())

    def _yaml_problem(self, error: yaml.YAMLError) -> str:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        return f"{self.name}{line}: not YAML: {getattr(error, 'problem', None) or error}"

    def _walk(self, node: yaml.Node, path: Path_) -> None:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*path, str(key.value))
                if here in self._lines:
                    self.duplicates.append(f"{self.name}:{key.start_mark.line + 1}: {dotted(here)}: given twice")
                self._lines[here] = key.start_mark.line + 1
                self._walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*path, index))

    def where(self, path: Path_) -> str:
        """`file:line` of a key, or of the nearest one around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return f"{self.name}:{self._lines.get(path, 1)}"


def dotted(path: Path_) -> str:
    """A path of keys as people write it: `sites[0].sheds[1].id`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def load(path: Path, environ: Mapping[str, str], *, use: bool = True) -> Settings:
    """Read a file and the environment; with `use`, look whether what they name can be used here.

    Raises:
        ConfigurationError: with every mistake found.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from None
    settings, where = _parsed(text, environ, str(path), path.resolve().parent)
    if use:
        _refuse(usage_problems(settings), where)
    return settings


def parse(text: str, environ: Mapping[str, str], *, name: str, base: Path) -> Settings:
    """Read a text; `base` is the folder relative paths are taken from. Raises ConfigurationError."""
    return _parsed(text, environ, name, base)[0]


def from_data(data: Mapping[str, Any], environ: Mapping[str, str], *, base: Path) -> Settings:
    """Settings from values made by a program, overridden by the environment. Raises ConfigurationError."""
    return parse(yaml.safe_dump(dict(data), allow_unicode=True), environ, name="configuration", base=base)


def _parsed(text: str, environ: Mapping[str, str], name: str, base: Path) -> tuple[Settings, Where]:
    document = _Document(name, text)
    if not isinstance(document.data, dict):
        raise ConfigurationError([f"{name}:1: the configuration is empty; `shedwatch init` writes one to start from"])
    if document.duplicates:
        raise ConfigurationError(document.duplicates)
    data, from_env = _overridden(document.data, environ)
    rebase(data, base)

    def where(path: Path_) -> str:
        for length in range(len(path), 0, -1):
            if path[:length] in from_env:
                return f"environment variable {from_env[path[:length]]}"
        return document.where(path)

    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError([_problem(item, where) for item in error.errors()]) from None
    _refuse(value_problems(settings), where)
    return settings, where


def _refuse(problems: Iterable[Problem], where: Where) -> None:
    found = [f"{where(path)}: {dotted(path)}: {what}" for path, what in problems]
    if found:
        raise ConfigurationError(found)


def _overridden(data: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[Path_, str]]:
    """`data` with each SHEDWATCH__A__B of the environment put in place, and which path came from which variable."""
    origin: dict[Path_, str] = {}
    problems: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(ENV_PREFIX):
            continue
        keys: Path_ = tuple(int(k) if k.isdigit() else k.lower() for k in variable.removeprefix(ENV_PREFIX).split("__"))
        try:
            _put(data, keys, yaml.safe_load(environ[variable]))
        except (yaml.YAMLError, IndexError, TypeError) as error:
            problems.append(f"environment variable {variable}: cannot be put in place: {error}")
        origin[keys] = variable
    if problems:
        raise ConfigurationError(problems)
    return data, origin


def _put(data: Any, keys: Path_, value: Any) -> None:
    *parents, last = keys
    for key in parents:
        if isinstance(data, dict) and not isinstance(data.get(key), dict | list):
            data[key] = {}
        data = data[key]
    data[last] = value


def _problem(item: Any, where: Where) -> str:
    # pydantic names the branch of a union in the path; it is no key of the file.
    path = tuple(part for part in item["loc"] if part not in ("webhook", "apprise"))
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        return f"{where(path)}: {dotted(path)}: unknown key"
    if item["type"] == "missing":
        message = "is missing"
    hidden = isinstance(item["input"], dict | list) or item["type"] == "missing" or path[-1:] in _SECRET_KEYS
    shown = "" if hidden else f" (got {item['input']!r})"
    return f"{where(path)}: {dotted(path)}: {message}{shown}"
