"""Where programs of others are installed: in var/compatibility, nothing of them anywhere else on the machine.

Packages of npm get a folder each set, packages of Python an environment, and packages of Debian are unpacked and not
installed, so that no service starts. What is there already is used again.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "var" / "compatibility"
PROGRAMS = Path(__file__).parent / "programs"
INSTALL_WITHIN = 400.0  # seconds
WHY_LENGTH = 200


class NotAvailable(Exception):
    """A program cannot be had on this machine. The text says why."""


class Workshop:
    """Installs programs below `folder`, and has a `scratch` folder that goes with it."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # PostgreSQL and the poolers run as other users than root, and a unix socket's path must be short.
        self.scratch = Path(tempfile.mkdtemp(prefix="parley-compat-"))
        self.scratch.chmod(0o711)
        self._numbers = 0

    def close(self) -> None:
        """Remove what is not kept."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def new_folder(self, name: str) -> Path:
        """An empty folder for one run's files."""
        self._numbers += 1
        folder = self.scratch / f"{name}-{self._numbers}"
        folder.mkdir(mode=0o755)
        return folder

    def npm(self, packages: Mapping[str, str], *programs: str) -> Path:
        """A folder with packages of npm, and copies of our programs, which find the packages beside them.

        Raises `NotAvailable`. Scripts of packages are not run: some download programs, and none of these needs that.
        """
        wanted = [f"{name}@{version}" for name, version in packages.items()]
        folder = self.folder / f"npm-{digest(wanted)}"
        if not (folder / "installed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            (folder / "package.json").write_text('{"private": true}\n')
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            command = [str(ROOT / "scripts/node"), "npm", "install", *quiet, *wanted]
            run_installer(command, " ".join(wanted), folder)
            (folder / "installed").touch()
        for program in programs:
            shutil.copy(PROGRAMS / program, folder / program)
        return folder

    def python(self, *packages: str) -> Path:
        """The interpreter of an environment with these packages. Raises `NotAvailable`."""
        folder = self.folder / f"python-{digest(packages)}"
        python = folder / "bin" / "python"
        uv = str(ROOT / ".venv/bin/uv")
        if not (folder / "installed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            run_installer(
                [uv, "venv", "--quiet", "--python", str(ROOT / ".venv/bin/python"), str(folder)], "a venv"
            )
            command = [uv, "pip", "install", "--quiet", "--python", str(python), *packages]
            run_installer(command, " ".join(packages))
            (folder / "installed").touch()
        return python

    def debian(self, package: str, program: str) -> "Program":
        """A program of the system, or of Debian's package with what that needs, unpacked. Raises `NotAvailable`."""
        name = Path(program).name
        places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
        found = program if os.access(program, os.X_OK) else shutil.which(name, path=places)
        if found:
            return Program(Path(found), Path("/"))
        if shutil.which("apt-get") is None:
            raise NotAvailable(f"no {name} is installed, and this machine has no apt-get")
        folder = self.folder / f"debian-{package}"
        if not (folder / "installed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "archives" / "partial").mkdir(parents=True)
            command = [
                "apt-get",
                "-qq",
                "-o",
                "Debug::NoLocking=1",
                "-o",
                f"Dir::Cache::archives={folder}/archives",
            ]
            command += ["--no-install-recommends", "--yes", "--download-only", "install", package]
            run_installer(command, f"Debian's package {package}")
            for archive in sorted((folder / "archives").glob("*.deb")):
                run_installer(["dpkg-deb", "--extract", str(archive), str(folder)], archive.name)
            shutil.rmtree(folder / "archives")
            (folder / "installed").touch()
        place = folder / program.lstrip("/")
        if not place.exists():
            raise NotAvailable(f"Debian's package {package} has no {program}")
        return Program(place, folder)


class Program:
    """A program, and the root of the file system that it was unpacked into."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.root = root

    @property
    def environment(self) -> dict[str, str]:
        """What it needs to find its libraries."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        if self.root != Path("/"):
            folders = {library.parent for library in (self.root / "usr/lib").rglob("*.so*")}
            environment["LD_LIBRARY_PATH"] = os.pathsep.join(sorted(map(str, folders)))
        return environment

    def version(self, *arguments: str) -> str:
        """The first number with dots in what the program says of itself."""
        told = subprocess.run(
            [self.path, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        words = (told.stdout + told.stderr).replace("/", " ").replace("=", " ").replace(",", " ").split()
        numbers = [
            word.lstrip("v").split("-")[0] for word in words if word.lstrip("v")[:1].isdigit() and "." in word
        ]
        return numbers[0] if numbers else ""


def digest(words: Sequence[str]) -> str:
    """A name for a set of packages."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]


def run_installer(command: Sequence[str], what: str, folder: Path | None = None) -> None:
    """Run an installer to its end. Raises `NotAvailable`."""
    try:
        ended = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotAvailable(f"{what} could not be installed within {INSTALL_WITHIN:g} s") from None
    if ended.returncode:
        raise NotAvailable(f"{what} could not be installed: {reason(ended.stderr or ended.stdout)}")


def reason(text: str) -> str:
    """The first line of an installer's log that tells of an error, without URLs: the page shows it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|fatal|^E: ", line, re.IGNORECASE)]
    return re.sub(r"'?https?://\S+", "…", [*errors, *lines, "no reason given"][0])[:WHY_LENGTH]
