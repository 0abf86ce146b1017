"""Paint on demand and keep the result: the first look paints, later ones read the disk."""

import asyncio
import io
import os
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from generations.protocols.journeyapi import server
from generations.sandbox import painter
from generations.sandbox.orders import PANELS
from generations.sandbox.store import AcceptedOrder

KEPT_BYTES_MAX = 256 * 1024 * 1024
PAINTERS = min(2, os.cpu_count() or 1)
NAME = re.compile(r"(?:(grid)_0|0_([0-3]))\.(png|jpg)")


class Pictures:
    """The images of all orders. Threads suffice: numpy and Pillow let the loop run meanwhile."""

    def __init__(self, folder: Path, *, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._kept_bytes_max = kept_bytes_max
        self._kept_bytes = sum(path.stat().st_size for path in folder.glob("*.*"))
        self._painters = ThreadPoolExecutor(PAINTERS, thread_name_prefix="painter")
        self._under_way: dict[str, asyncio.Task[bytes]] = {}

    def close(self) -> None:
        self._painters.shutdown(wait=False, cancel_futures=True)

    async def get(self, order: AcceptedOrder, name: str) -> bytes | None:
        """The file of that name, or None when the order has none such."""
        match = NAME.fullmatch(name)
        is_grid = order.model in server.GRID_MODELS
        if match is None or (not is_grid and name[:3] != "0_0"):
            return None
        if match[1]:
            return await self._kept(f"{order.task_id}-{name}", lambda: self._sheet(order))
        panel = int(match[2])
        as_jpeg = match[3] == "jpg"
        return await self._kept(
            f"{order.task_id}-{name}", lambda: self._panel(order, panel, as_jpeg)
        )

    async def _kept(self, key: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """From disk, from the painter at work on it, or from a new one. Nobody paints twice."""
        under_way = self._under_way.get(key)
        if under_way is None:
            under_way = asyncio.create_task(self._read_or_make(key, make))
            self._under_way[key] = under_way
            under_way.add_done_callback(lambda _: self._under_way.pop(key, None))
        # A reader that hangs up must not take the picture from the others.
        return await asyncio.shield(under_way)

    async def _read_or_make(self, key: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        path = self._folder / key
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            content = await make()
        await asyncio.to_thread(self._write, path, content)
        return content

    async def _panel(self, order: AcceptedOrder, panel: int, as_jpeg: bool) -> bytes:
        width, height = _size(order)

        def work() -> bytes:
            png = painter.paint(
                order.prompt, seed=order.seed, width=width, height=height, panel=panel
            )
            return _as_jpeg(png) if as_jpeg else png

        return await asyncio.get_running_loop().run_in_executor(self._painters, work)

    async def _sheet(self, order: AcceptedOrder) -> bytes:
        panels = [await self.get(order, f"0_{panel}.png") for panel in range(PANELS)]
        width, height = _size(order)

        def work() -> bytes:
            return painter.sheet([p for p in panels if p is not None], width=width, height=height)

        return await asyncio.get_running_loop().run_in_executor(self._painters, work)

    def _write(self, path: Path, content: bytes) -> None:
        """Whole or not at all, and the oldest make room."""
        partial = path.with_suffix(path.suffix + ".part")
        partial.write_bytes(content)
        partial.replace(path)
        self._kept_bytes += len(content)
        if self._kept_bytes <= self._kept_bytes_max:
            return
        for old in sorted(self._folder.glob("*.*"), key=lambda kept: kept.stat().st_mtime):
            if self._kept_bytes <= self._kept_bytes_max * 3 // 4:
                return
            self._kept_bytes -= old.stat().st_size
            old.unlink(missing_ok=True)


def _size(order: AcceptedOrder) -> tuple[int, int]:
    is_grid = order.model in server.GRID_MODELS
    return painter.size(order.prompt, aspect_ratio=order.aspect_ratio, is_grid=is_grid)


def _as_jpeg(png: bytes) -> bytes:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.save(stream, "JPEG", quality=92)
    return stream.getvalue()
