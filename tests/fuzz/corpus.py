"""The seeds of each target: inputs to begin with, in `corpus/TARGET.json`, bytes written as characters up to U+00FF."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent
TARGETS = sorted(path.stem for path in (FOLDER / "targets").glob("[a-z]*.py"))


def read_corpus(target: str) -> list[bytes]:
    """The seeds of a target."""
    texts = json.loads((FOLDER / "corpus" / f"{target}.json").read_text())
    return [text.encode("latin-1") for text in texts]


def write_corpus(target: str, seeds: list[bytes]) -> None:
    """Replaces the seeds of a target."""
    texts = sorted(seed.decode("latin-1") for seed in set(seeds))
    path = FOLDER / "corpus" / f"{target}.json"
    path.write_text(json.dumps(texts, indent=0) + "\n")
