"""One log line an event: time, level, logger, message, then the extra fields as key=value."""

import copy
import logging
import re

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# Addresses that are keys: whoever knows one may use it.
_SECRET_PATHS = re.compile(r"(/webhooks/[^/\s]+/|/files/t/|/password/reset/key/)[^\s]+")


class Brief(logging.Filter):
    """A request that Django refuses is told in one line: strangers send them at their leisure."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


class LineFormatter(logging.Formatter):
    """Escapes control characters, so that text from outside can never forge a second line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        fields = [
            f"{k}={v}" for k, v in vars(record).items() if k not in _STANDARD and k != "request"
        ]
        # A copy, because the record goes on to other handlers, which want its traceback too.
        bare = copy.copy(record)
        bare.exc_info = bare.exc_text = None
        line = " ".join([super().format(bare), *fields])
        line = _SECRET_PATHS.sub(r"\1[hidden]", line.encode("unicode_escape").decode("ascii"))
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line
