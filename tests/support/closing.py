"""The end of a server of the tests."""

import asyncio


async def stop_listening(server: asyncio.Server) -> None:
    """Close a server when it has taken what has come. Where asyncio's own is closed in the moment in which it takes a
    connection, Python up to 3.12 leaves that open for good, and a later test fails over it."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, asyncio.SelectorEventLoop):  # uvloop's does not, and lets nobody in here
        for listening in server.sockets:
            loop.remove_reader(listening)
        for _ in range(3):  # of the loop: from the system's connection to one that its protocol knows
            await asyncio.sleep(0)
    server.close()
