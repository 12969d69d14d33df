"""The release before: the server's code of a revision of the repository, from which a run can be upgraded."""

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("app", "protocol", "schema.sql", "pyproject.toml")


class NoRelease(Exception):
    """The code of a release is not to be had. The text is one sentence."""


def last_release() -> str:
    """The newest tag before the last commit. Raises NoRelease."""
    try:
        return git("describe", "--tags", "--abbrev=0").decode().strip()
    except NoRelease:
        raise NoRelease("No release is tagged: name the revision that counts as the last one.") from None


def code_of(revision: str, folder: Path) -> Path:
    """The folder, filled with the code of a revision. It runs with the packages that are installed here.

    Raises NoRelease.
    """
    packed = git("archive", "--format=zip", f"{revision}^{{commit}}", *PARTS)
    folder.mkdir()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(folder)
    return folder


def git(*words: str) -> bytes:
    program = shutil.which("git")
    if program is None:
        raise NoRelease("git, which has the releases, is not installed.")
    done = subprocess.run([program, *words], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise NoRelease(f"git {words[0]}: {said[0] if said else 'it failed'}")
    return done.stdout
