"""File storage that survives a power cut: an object is whole and on disk, or not there at all."""

import os
from pathlib import Path
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

CHUNK_BYTES = 256 * 1024


class DurableFileSystemStorage(FileSystemStorage):
    """Write beside the target, flush to disk, then rename. Django's own writes in place."""

    def _save(self, name: str, content: "File[Any] | IO[Any]") -> str:
        target = Path(self.path(name))
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
        try:
            _write(fresh, content)
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
        _flush_folder(target.parent)
        return name


def _write(path: Path, content: "File[Any] | IO[Any]") -> None:
    content.seek(0)
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as out:
        while chunk := content.read(CHUNK_BYTES):
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
