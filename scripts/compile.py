"""Compiles the engine's hottest modules with mypyc: for this checkout as `scripts/compile`, for a wheel as its hook.

What is compiled is what runs for each packet. A module can be if its classes are no subclasses of Python's own ones,
have no subclasses that are not compiled, and are no Structs of msgspec: mypyc drops the options of their classes.
See `protocol.loading.compiled_form` for what becomes of the modules.
"""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from shutil import copyfile, rmtree, which
from tempfile import TemporaryDirectory

from protocol.loading.compiled_form import FOLDER, LIST, sum_of

MODULES = (
    "protocol.websocket.frames",
    "protocol.engineio.packets",
    "protocol.engineio.flood_guard",
    "protocol.engineio.session",
    "protocol.engineio.session_states",
    "protocol.socketio.acknowledgement",
    "protocol.socketio.json_parser",
    "protocol.socketio.json_values",
    "protocol.socketio.namespace_states",
    "protocol.socketio.rooms",
    "protocol.server.dispatch.dispatch",
    "protocol.server.engineio.hub",
    "protocol.server.engineio.link",
    "protocol.server.engineio.traffic",
    "protocol.server.namespaces.client",
    "protocol.server.scheduling.eager_tasks",
    "protocol.server.scheduling.turn_queue",
)
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
SETUP = """
import json, sys
from mypyc.build import mypycify
from setuptools import setup
files, out = json.loads(sys.argv[1]), sys.argv[2]
modules = mypycify(["--strict", *files], opt_level="3", debug_level="0", strip_asserts=False)
setup(name="compiled", packages=[], ext_modules=modules,
      script_args=["--quiet", "build_ext", "--build-lib", out, "--build-temp", out + ".tmp"])
"""


class CannotCompile(Exception):
    """There is no C compiler, or it failed; the message is what it said."""


def compile_modules(sources: Path, package: str, out: Path) -> None:
    """Put the compiled MODULES into the folder `out`, with the list of what they were made from.

    `sources` is the folder that holds the top package, `package` what the names of modules begin with there: "", or
    "parley_chat.". Raises CannotCompile.
    """
    if which("cc") is None and which("gcc") is None and which("clang") is None:
        raise CannotCompile("there is no C compiler")
    names = [package + name for name in MODULES]
    files = {name: Path(*name.split(".")).with_suffix(".py") for name in names}
    with TemporaryDirectory() as place:
        # A folder of its own: beside a pyproject.toml setuptools and mypy would take that one's word.
        top = names[0].partition(".")[0]
        Path(place, top).symlink_to((sources / top).resolve())
        built = Path(place, "built")
        command = [
            sys.executable,
            "-c",
            SETUP,
            json.dumps([str(file) for file in files.values()]),
            str(built),
        ]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotCompile((done.stdout + done.stderr).strip())
        rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        for file in built.rglob(f"*{SUFFIX}"):
            name = ".".join(file.relative_to(built).parts)
            copyfile(file, out / name)
    listed = {"suffix": SUFFIX, "sources": {name: sum_of(sources / file) for name, file in files.items()}}
    (out / LIST).write_text(json.dumps(listed, indent=1) + "\n")


def main() -> int:
    """Compile for this checkout; the exit status."""
    try:
        compile_modules(Path(__file__).parents[1], "", FOLDER)
    except CannotCompile as error:
        print(f"compile: the engine stays pure Python: {error}", file=sys.stderr)
        return 1
    print(f"compile: {len(MODULES)} modules are compiled, in {FOLDER}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
