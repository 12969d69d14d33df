"""Locust users over python-socketio: each says something, and waits for the acknowledgement.

Locust counts the events that come, by a handler of exactly one argument, as "WSR".
"""

from locust import constant, task
from locust.contrib.socketio import SocketIOUser

ADMITTED = "secret"


class Talker(SocketIOUser):
    """One connection."""

    wait_time = constant(0.1)

    def on_start(self) -> None:
        self.sio.connect(self.host, auth={"token": ADMITTED}, transports=["websocket"])

    @task
    def say(self) -> None:
        answer = self.sio.call("echo", "hello")
        if answer != "hello":
            raise ValueError(f"the acknowledgement was {answer!r}")
