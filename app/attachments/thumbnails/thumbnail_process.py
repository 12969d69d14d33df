"""The program that decodes one picture:

    python -m app.attachments.thumbnails.thumbnail_process TYPE SERVER CPU WALL MEMORY [SHAPE]

SERVER is the process that has started this one, which ends with it. The file is its standard input, the result goes to
its standard output (`app.attachments.thumbnails.thumbnail_result`). What a decoder does with hostile bytes is bounded
here, by the system: processor time, time, memory, what can be written. Passing any of these bounds ends this process
and nothing else.
"""

import ctypes
import os
import resource
import signal
import sys
import time

from app.attachments.thumbnails.thumbnail_result import (
    HEADER,
    MAX_THUMBNAIL,
    SQUARE,
    WHOLE,
    Bounds,
    NotAPicture,
    Picture,
    Result,
    packed,
)

NICE = 5  # so that chat requests go first
PR_SET_PDEATHSIG = 1


def confine(bounds: Bounds) -> None:
    """Puts the bounds on this process.

    Only Linux holds a process to a size of memory; elsewhere the bound on pixels remains.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(
            number, signal.SIG_IGN
        )  # they are meant for the server, which lets what it has begun end
    signal.setitimer(
        signal.ITIMER_PROF, bounds.cpu
    )  # SIGPROF ends the process, of all threads' time together
    signal.setitimer(signal.ITIMER_REAL, bounds.wall)  # SIGALRM does, also where there is no server any more
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, HEADER.size + MAX_THUMBNAIL)
    if sys.platform == "linux":
        limit(resource.RLIMIT_AS, bounds.memory)
        limit(resource.RLIMIT_DATA, bounds.memory)
    os.nice(NICE)


def tie(server: int) -> None:
    """Ends this process with the server: on Linux at once, elsewhere by the bound on its time."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != server:
        sys.exit(1)  # it has ended before the tie was there


def limit(kind: int, most: int) -> None:
    """Lowers a limit of this process for good; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(kind, (most, most))


def outcome_of(content: bytes, media_type: str, *, square: bool) -> Picture | NotAPicture:
    """The picture, or why there is none. Pillow is loaded late, so that the bounds hold for that, too."""
    from app.attachments.thumbnails.thumbnails import picture_of

    try:
        return picture_of(content, media_type, square=square)
    except NotAPicture as reason:
        return reason


def main(media_type: str, server: str, cpu: str, wall: str, memory: str, shape: str = WHOLE) -> None:
    """Decodes the standard input."""
    confine(Bounds(float(cpu), float(wall), int(memory)))
    tie(int(server))
    outcome = outcome_of(sys.stdin.buffer.read(), media_type, square=shape == SQUARE)
    sys.stdout.buffer.write(packed(Result(time.process_time(), outcome)))


if __name__ == "__main__":
    main(*sys.argv[1:])
