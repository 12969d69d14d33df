"""Gathers new replies in their threads: the threads as they are then, and who follows them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app import store
from app.db.queries import Queries
from app.payloads.server_events import MOST_TOLD
from app.store.log.threads import ThreadRow


class Gathered(NamedTuple):
    """The thread of a reply, and the members who follow it; none where those are more than are told."""

    thread: ThreadRow
    follower_ids: Sequence[str]

    def followers_but(self, user_id: str) -> list[str]:
        """The members who follow the thread, without one."""
        return [follower for follower in self.follower_ids if follower != user_id]


async def gather_replies(q: Queries, roots: Mapping[str, str]) -> dict[str, Gathered]:
    """Lets those follow whom new replies concern, given by their ids with the ids of the roots; to be called when their
    mentions are kept. Returns the thread of each."""
    await store.thread_followers.follow_replies(q, list(roots))
    root_ids = sorted(set(roots.values()))
    threads = {row.thread_id: row for row in await store.threads.read(q, root_ids)}
    followers: dict[str, list[str]] = {root_id: [] for root_id in root_ids}
    for row in await store.thread_followers.of_threads(q, root_ids, most=MOST_TOLD):
        followers[row.root_id].append(row.user_id)
    return {
        reply_id: Gathered(threads[root_id], sorted(followers[root_id]))
        for reply_id, root_id in roots.items()
    }
