"""Lock the dependencies of pyproject.toml with hashes, or prove that the lock is in step.

`python requirements/lock.py` writes both files; what is locked stays unless `--upgrade` is given.
`python requirements/lock.py --check` compares, without any network.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PYPROJECT = HERE.parent / "pyproject.toml"
STAMP = "# Locked by `make lock` from the dependencies in pyproject.toml, sha256 "
# Each file with the dependency groups it adds to what the product itself needs.
GROUPS: dict[str, tuple[str, ...]] = {"base": (), "dev": ("dev",)}


def stamp_of(name: str, *, project: dict[str, Any]) -> str:
    """The lock's first line: it changes with the declared dependencies and nothing else."""
    declared = [project["project"]["requires-python"], project["project"]["dependencies"]]
    declared += [project["dependency-groups"][group] for group in GROUPS[name]]
    return STAMP + hashlib.sha256(json.dumps(declared).encode()).hexdigest()


def lock(name: str, *, stamp: str, options: list[str]) -> None:
    target = HERE / f"{name}.txt"
    groups = [word for group in GROUPS[name] for word in ("--group", group)]
    # What is tested is what will run: the second lock may not choose other versions.
    same = ["--constraint", str(HERE / "base.txt")] if groups else []
    command = [
        "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes",
        "--no-emit-index-url", "--no-header", "--no-annotate", "--python-version", "3.11",
        *groups, *same, *options, "--output-file", str(target), str(PYPROJECT),
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=PYPROJECT.parent)  # noqa: S603 - no outside words
    target.write_text(f"{stamp}\n{target.read_text(encoding='utf-8')}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--upgrade", action="store_true")
    asked = parser.parse_args()
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    faults = 0
    for name in GROUPS:
        stamp = stamp_of(name, project=project)
        if not asked.check:
            lock(name, stamp=stamp, options=["--upgrade"] if asked.upgrade else [])
        elif (HERE / f"{name}.txt").read_text(encoding="utf-8").partition("\n")[0] != stamp:
            sys.stderr.write(f"requirements/{name}.txt is out of step: run `make lock`.\n")
            faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
