"""Atheris on targets: `python -m tests.fuzz.drive FOLDER AT_ONCE TARGET … [FLAG …]`; the flags are libFuzzer's.

What the targets try is instrumented once, which takes some seconds; each target then has a process of its own, AT_ONCE
of them at a time. When one ends, its name and status are a line of the output. FOLDER/TARGET gets the seeds and what is
found worth keeping, FOLDER/TARGET.log what the process said. `WORDS` of a target, if it has any, are what inputs are
made of.
"""

import importlib
import logging
import os
import sys
from pathlib import Path
from types import ModuleType

import atheris

from tests.fuzz.corpus import read_corpus

INSTRUMENTED = ["protocol", "app", "python_multipart", "uvicorn.protocols.http"]


def main() -> None:
    """Returns when all processes have ended."""
    folder, at_once, *rest = sys.argv[1:]
    flags = [argument for argument in rest if argument.startswith("-")]
    names = [argument for argument in rest if not argument.startswith("-")]
    logging.disable()  # of every input something may be said
    with atheris.instrument_imports(include=INSTRUMENTED):
        targets = {name: importlib.import_module(f"tests.fuzz.targets.{name}") for name in names}
    running: dict[int, str] = {}
    while targets or running:
        while targets and len(running) < int(at_once):
            name = next(iter(targets))
            running[begin(name, targets.pop(name), Path(folder), flags)] = name
        pid, status = os.wait()
        print(running.pop(pid), os.waitstatus_to_exitcode(status), flush=True)


def begin(name: str, target: ModuleType, folder: Path, flags: list[str]) -> int:
    """Returns the id of the process; it ends with status 77 and a traceback at the first fault."""
    pid = os.fork()
    if pid == 0:
        log = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        fuzz(name, target, folder / name, flags)
    return pid


def fuzz(name: str, target: ModuleType, inputs: Path, flags: list[str]) -> None:
    """Ends the process."""
    inputs.mkdir(exist_ok=True)
    for number, seed in enumerate(read_corpus(name)):
        (inputs / f"seed-{number:03}").write_bytes(seed)
    own = [f"-artifact_prefix={inputs}-"]
    words: list[bytes] = getattr(target, "WORDS", [])
    if words:
        dictionary = inputs.with_suffix(".words")
        dictionary.write_text("".join(f'"{escaped(word)}"\n' for word in words))
        own.append(f"-dict={dictionary}")
    atheris.Setup([sys.argv[0], str(inputs), *flags, *own], target.check)
    atheris.Fuzz()


def escaped(word: bytes) -> str:
    """A word as libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
