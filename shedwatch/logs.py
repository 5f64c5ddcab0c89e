"""How the service logs: readable on a terminal, one JSON object a line anywhere else."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from ingest.redact import without_password


def set_up_logs(level: int = logging.INFO) -> None:
    """Send structlog and, from warnings up, the standard library's logging to standard error in one form."""
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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _redacted(_logger: Any, _method: str, line: Any) -> Any:
    """The last word on every line: whatever was put into it, no password of an address leaves the process."""
    return without_password(line) if isinstance(line, str) else line
