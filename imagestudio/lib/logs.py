"""One log line an event: time, level, logger, message, then the extra fields as key=value."""

import logging

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineFormatter(logging.Formatter):
    """Escapes control characters, so that text from outside can never forge a second line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        fields = [
            f"{k}={v}" for k, v in vars(record).items() if k not in _STANDARD and k != "request"
        ]
        exception, record.exc_info, record.exc_text = record.exc_info, None, None
        line = " ".join([super().format(record), *fields])
        line = line.encode("unicode_escape").decode("ascii")
        if exception:
            line += "\n" + self.formatException(exception)
        return line
