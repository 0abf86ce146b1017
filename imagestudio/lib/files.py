"""File storage that survives a power cut: an object is whole and on disk, or not there at all."""

import os
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class DurableFileSystemStorage(FileSystemStorage):
    """Write beside the target, flush to disk, then rename. Django's own writes in place."""

    def _save(self, name: str, content: "File[Any] | IO[Any]") -> str:
        target = self.path(name)
        folder = os.path.dirname(target)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        fresh = f"{target}.{os.getpid()}.{os.urandom(4).hex()}.part"
        try:
            self._write(fresh, content)
            os.replace(fresh, target)
        except BaseException:
            if os.path.exists(fresh):
                os.unlink(fresh)
            raise
        _flush_folder(folder)
        return name

    @staticmethod
    def _write(path: str, content: "File[Any] | IO[Any]") -> None:
        content.seek(0)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            while chunk := content.read(256 * 1024):
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())


def _flush_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
