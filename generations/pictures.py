"""Look into a downloaded file and make its renditions, in processes of their own.

A decoder reads what strangers send. It runs apart, with bounded memory and time, so that a bomb
or a crash in it costs one picture and never the worker.
"""

import asyncio
import base64
import io
import os
import resource
import signal
import warnings
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

from PIL import Image, ImageFile, UnidentifiedImageError

from imagestudio.lib.limits import end_with_parent

FORMATS: Mapping[str, tuple[str, str]] = {
    "PNG": ("image/png", "png"),
    "JPEG": ("image/jpeg", "jpg"),
    "WEBP": ("image/webp", "webp"),
}
RENDITION_SIDES = (320, 960)
BLUR_SIDE = 20
PIXELS_MAX = 64_000_000
# Longer than a machine under load needs for the largest picture and those before it in line.
SECONDS_MAX = 60
MEMORY_BYTES_MAX = 2 * 1024**3
PROCESSES = 2
# A decoder's leaks end with its process.
PICTURES_A_PROCESS = 500


class NotAPicture(Exception):
    """The file is no intact image of a kind that we keep."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture is. `renditions` are WebP bytes by their long side in pixels."""

    content_type: str
    extension: str
    width: int
    height: int
    perceptual_hash: str
    dominant_colour: str
    blur: str
    renditions: Mapping[int, bytes]


class Pictures:
    """A small pool of decoders. A broken one is replaced."""

    def __init__(self) -> None:
        self._pool = _pool(PROCESSES)
        self._alone = asyncio.Lock()

    async def look(self, path: str) -> Facts:
        """Decode the file whole. Raises NotAPicture."""
        pool = self._pool
        try:
            return await _look_in(pool, path)
        except (BrokenProcessPool, TimeoutError):
            # Everybody who waited on this pool comes by here; the first one replaces it.
            if self._pool is pool:
                self._pool = _pool(PROCESSES)
                _end(pool)
        # Which picture it was that broke the pool shows when each is looked at by itself.
        async with self._alone:
            return await _look_alone(path)

    def close(self) -> None:
        _end(self._pool)


async def _look_in(pool: ProcessPoolExecutor, path: str) -> Facts:
    async with asyncio.timeout(SECONDS_MAX):
        return await asyncio.get_running_loop().run_in_executor(pool, look, path)


async def _look_alone(path: str) -> Facts:
    pool = _pool(1)
    try:
        return await _look_in(pool, path)
    except (BrokenProcessPool, TimeoutError) as error:
        raise NotAPicture("no decoder survives it") from error
    finally:
        _end(pool)


def look(path: str) -> Facts:
    """The work itself, in the decoder's process. Raises NotAPicture."""
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(path, formats=tuple(FORMATS)) as image:
            # The checksums of a PNG, which decoding passes over.
            image.verify()
        with Image.open(path, formats=tuple(FORMATS)) as image:
            if image.width * image.height > PIXELS_MAX:
                raise NotAPicture("too many pixels")
            image.load()
            return _facts(image)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
        MemoryError,
    ) as error:
        raise NotAPicture(type(error).__name__) from None


def _facts(image: Image.Image) -> Facts:
    content_type, extension = FORMATS[str(image.format)]
    has_alpha = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
    plain = image.convert("RGBA" if has_alpha else "RGB")
    renditions = {side: _webp(plain, side, quality=82) for side in RENDITION_SIDES}
    return Facts(
        content_type=content_type,
        extension=extension,
        width=image.width,
        height=image.height,
        perceptual_hash=_difference_hash(plain),
        dominant_colour=_mean_colour(plain),
        blur=base64.b64encode(_webp(plain, BLUR_SIDE, quality=40)).decode(),
        renditions=renditions,
    )


def _webp(image: Image.Image, side: int, *, quality: int) -> bytes:
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=quality, method=2)
    return out.getvalue()


def _difference_hash(image: Image.Image) -> str:
    """64 bits as hex: each says whether brightness rises between two neighbours of a 9x8 grid."""
    small = image.convert("L").resize((9, 8))
    grey = list(small.tobytes())
    bits = [grey[y * 9 + x] < grey[y * 9 + x + 1] for y in range(8) for x in range(8)]
    return f"{sum(bit << place for place, bit in enumerate(bits)):016x}"


def _mean_colour(image: Image.Image) -> str:
    red, green, blue = image.convert("RGB").resize((1, 1)).tobytes()
    return f"#{red:02x}{green:02x}{blue:02x}"


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        processes,
        # Never fork: the worker has threads and open connections.
        mp_context=get_context("forkserver"),
        initializer=_bound,
        max_tasks_per_child=PICTURES_A_PROCESS,
    )


def _end(pool: ProcessPoolExecutor) -> None:
    """End the decoders, also one that hangs. Whoever still waits there sees a broken pool."""
    # A public way to kill a pool's processes comes with Python 3.14.
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False)


def _bound() -> None:
    """Limits of a decoder: a runaway meets the kernel, not the machine's memory."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A worker that is killed outright cannot close its pool; the kernel ends the decoders then.
    end_with_parent(os.getppid())
    # Ctrl-C reaches the whole group; the worker ends its decoders itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
