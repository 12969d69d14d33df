"""The state machines of `protocol` as Mermaid diagrams, made from their tables.

`python -m tests.diagrams` prints them for docs/architecture.md.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from protocol.engineio import client_session, session_states
from protocol.socketio import client_namespace_states, namespace_states

MACHINES: dict[str, Mapping[Any, Mapping[Any, Any]]] = {
    "protocol/engineio/session_states.py": session_states.TRANSITIONS,
    "protocol/engineio/client_session.py": client_session.TRANSITIONS,
    "protocol/socketio/namespace_states.py": namespace_states.TRANSITIONS,
    "protocol/socketio/client_namespace_states.py": client_namespace_states.TRANSITIONS,
}


def name(value: Any) -> str:
    """A state or an input as the code calls it."""
    return value.name if isinstance(value, Enum) else value.__name__


def diagram(transitions: Mapping[Any, Mapping[Any, Any]]) -> str:
    """One machine; what leads from one state to the same other one is one arrow. The first state is the initial one."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {name(next(iter(transitions)))}"]
    for before, row in transitions.items():
        arrows: dict[Any, list[str]] = {}
        for given, after in row.items():
            arrows.setdefault(after, []).append(name(given))
        lines += [
            f"    {name(before)} --> {name(after)}: {', '.join(given)}" for after, given in arrows.items()
        ]
    return "\n".join([*lines, "```"])


def diagrams() -> str:
    """All machines, each below the file that has its table."""
    return "\n\n".join(f"`{module}`:\n\n{diagram(table)}" for module, table in MACHINES.items())


if __name__ == "__main__":
    print(diagrams())
