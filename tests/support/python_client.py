"""What a python-socketio client needs to leave in order."""

import asyncio

import socketio


async def leave(client: socketio.AsyncClient) -> None:
    """Disconnects, and closes the HTTP session, which the client leaves open where the server ended the connection.

    While a POST of its own is under way, it would not say that it goes, and the server would have it until its ping
    timeout (findings/python-socketio-leaves-without-a-word.sh). So this waits first until all that was sent is
    answered, or cannot be sent any more.
    """
    writing = client.eio.write_loop_task
    if writing is not None:
        sent = asyncio.create_task(client.eio.queue.join())
        await asyncio.wait({sent, writing}, return_when=asyncio.FIRST_COMPLETED)
        sent.cancel()
    try:
        await client.shutdown()
    finally:
        if client.eio.http is not None:
            await client.eio.http.close()
