"""How the service logs: readable on a terminal, one JSON object a line anywhere else."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any, TextIO, cast

import structlog

from ingest.redact import without_password


class LogStream(io.TextIOBase):
    """Standard error as it is now, for writing that never fails.

    Whoever logs is in the middle of something that matters more: a disk that is full, a pipe nobody reads or a
    terminal that is gone loses the line and nothing else.

    Attributes:
        lost: writes that went nowhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0

    def write(self, text: str) -> int:
        try:
            return sys.stderr.write(text)
        except (OSError, ValueError):
            self.lost += 1
            return len(text)

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            self.lost += 1


def set_up_logs(level: int = logging.INFO) -> None:
    """Send structlog and, from warnings up, the standard library's logging to standard error in one form."""
    stream = LogStream()
    terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    renderer.append(_redacted)
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, stream)),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _redacted(_logger: Any, _method: str, line: Any) -> Any:
    """The last word on every line: whatever was put into it, no password of an address leaves the process."""
    return without_password(line) if isinstance(line, str) else line
