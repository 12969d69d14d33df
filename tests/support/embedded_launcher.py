"""Starts the embedded servers, says who they are and waits: a launcher for tests that kill it.

launcher.py FOLDER tied|untied      untied: as on a system that cannot tie a child to its parent's life
"""

import os
import signal
import sys
import time
from pathlib import Path

import psutil

from app import embedded
from app.embedded import child_process as process

folder, tie = sys.argv[1:]
if tie == "untied":
    process.PRCTL = None
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with embedded.embedded(Path(folder), postgres=True, valkey=True):
    sessions = {child.pid: os.getsid(child.pid) for child in psutil.Process().children()}
    assert os.getsid(0) not in sessions.values()
    print(*sessions, flush=True)
    time.sleep(60)
