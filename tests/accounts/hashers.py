"""A quick hasher that counts how often somebody's guess was looked at."""

from typing import ClassVar

from django.contrib.auth.hashers import MD5PasswordHasher


class CountingHasher(MD5PasswordHasher):
    algorithm = "counting"
    guesses: ClassVar[list[str]] = []

    def verify(self, password: str, encoded: str) -> bool:
        self.guesses.append(password)
        return super().verify(password, encoded)
