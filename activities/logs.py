"""One form for all log lines, ours and the libraries': JSON, or coloured on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

QUIET = (
    *("httpx", "httpcore", "aiosqlite", "alembic", "uvicorn.access"),
    *(
        "sendgrid",
        "python_http_client",
        "twilio",
        "aiohttp",
        "aiosmtplib",
        "mail.log",
    ),  # keys, letters
)


def configure(level: str = "INFO") -> None:
    """Send every log line through one chain. No address, body or name belongs in any of them."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stderr.isatty()
    last: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([] if terminal else [structlog.processors.format_exc_info]),
                last,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
