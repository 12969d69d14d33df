#!/usr/bin/env bash
# mypyc 2.4.1 with msgspec 0.22.0: a compiled module drops the options of its Structs.
#
# `class Point(Struct, frozen=True)` is immutable and hashable as Python. The same module compiled by mypyc has a Point
# that can be changed and has no hash: the keywords of the class statement do not reach msgspec, and neither mypyc nor
# msgspec says so. `gc=False`, `kw_only`, `tag` and the others are lost in the same way.
# Parley's compiled modules define no Structs; these are in modules of their own, which stay Python.
# Needs a C compiler. Exits with 1 if the compiled class has its options.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check msgspec==0.22.0 mypy==2.4.1 setuptools==84.2.1
cat >point.py <<'PYTHON'
from msgspec import Struct


class Point(Struct, frozen=True):
    x: int
PYTHON
cat >ask.py <<'PYTHON'
import point

made = point.Point(1)
try:
    made.x = 2
except AttributeError:
    print("frozen")
else:
    print("not frozen")
PYTHON
as_python=$(venv/bin/python ask.py)
venv/bin/python -c "
from mypyc.build import mypycify
from setuptools import setup

setup(name='point', ext_modules=mypycify(['point.py']), script_args=['--quiet', 'build_ext', '--inplace'])
" >/dev/null
compiled=$(venv/bin/python ask.py)
printf 'as Python: %s\ncompiled:  %s\n' "$as_python" "$compiled"
[ "$as_python" = "frozen" ] && [ "$compiled" = "not frozen" ]
