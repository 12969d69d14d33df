"""One process of atheris on one target: `python -m tests.fuzz.drive TARGET FOLDER [FLAG …]`; the flags are libFuzzer's.

FOLDER gets the seeds and what is found worth keeping. `WORDS` of a target, if it has any, are what inputs are made of.
"""

import importlib
import logging
import sys
from pathlib import Path

import atheris

from tests.fuzz.corpus import read_corpus

INSTRUMENTED = ["protocol", "app", "python_multipart", "uvicorn.protocols.http"]


def main() -> None:
    """Returns when the time is over; ends the process with a traceback and status 77 at the first fault."""
    name, folder, *flags = sys.argv[1:]
    inputs = Path(folder)
    inputs.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(read_corpus(name)):
        (inputs / f"seed-{number:03}").write_bytes(seed)
    logging.disable()  # of every input something may be said
    with atheris.instrument_imports(include=INSTRUMENTED):
        target = importlib.import_module(f"tests.fuzz.targets.{name}")
    words: list[bytes] = getattr(target, "WORDS", [])
    if words:
        dictionary = inputs.with_suffix(".words")
        dictionary.write_text("".join(f'"{escaped(word)}"\n' for word in words))
        flags.append(f"-dict={dictionary}")
    atheris.Setup([sys.argv[0], str(inputs), *flags], target.check)
    atheris.Fuzz()


def escaped(word: bytes) -> str:
    """A word as libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
