"""Bound what stands before a request's body: its size, and how long it may take to come.

uvicorn bounds neither with its quick parser, so one connection could send header lines for ever,
and each of them would be kept.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
HEAD_SECONDS = 20.0


class BoundedHeads(HttpToolsProtocol):
    """Hangs up on a peer that does not come to the point."""

    _head_bytes = 0
    _is_in_head = True
    _end_of_patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type] # as uvicorn narrows it
        self._expect_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_a_head()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        # Lines after a chunked body are headers too; an exception ends the connection with a 400.
        if not self._is_in_head:
            raise ValueError("trailers are not taken")
        super().on_header(name, value)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def _expect_a_head(self) -> None:
        self._stop_waiting()
        self._is_in_head, self._head_bytes = True, 0
        self._end_of_patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._end_of_patience is not None:
            self._end_of_patience.cancel()
            self._end_of_patience = None
