"""The ASGI servers that the plain websocket runs on, and how each is started."""

import sys

SERVERS = (
    "uvicorn-websockets-sansio",
    "uvicorn-websockets",
    "uvicorn-wsproto",
    "hypercorn",
    "granian",
    "daphne",
)


def command(server: str, application: str, port: int) -> list[str]:
    """The command that serves `module:attribute` on a port of 127.0.0.1, with as few words of its own as may be."""
    host = "127.0.0.1"
    if server == "hypercorn":
        arguments = ["hypercorn", application, "--bind", f"{host}:{port}", "--log-level", "warning"]
    elif server == "granian":
        arguments = ["granian", application, "--interface", "asgi", "--host", host, "--port", f"{port}"]
        arguments += ["--log-level", "warning"]
    elif server == "daphne":
        arguments = ["daphne", application, "--bind", host, "--port", f"{port}", "--verbosity", "0"]
    else:
        implementation = server.removeprefix("uvicorn-")
        arguments = ["uvicorn", application, "--host", host, "--port", f"{port}", "--ws", implementation]
        arguments += ["--ws-per-message-deflate", "false", "--log-level", "warning"]
    return [sys.executable, "-m", *arguments]
