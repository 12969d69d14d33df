"""What Redis does by itself for the routing, asked by hand."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from protocol.cluster.interest.joined_streams import MIXED
from protocol.cluster.interest.routing_keys import LEASE, RoutingKeys
from protocol.cluster.stream_positions import position
from protocol.server.redis.topology import slot_of
from protocol.server.routing.redis_functions import KEEP_INBOX, LIBRARY, VERSION, is_loaded_already

KEYS = RoutingKeys("s")
FUTURE = "99999999999999-7"


class Cluster:
    """Inboxes `a`, `b` and `c`, as their instances use them. Each record has its number for its data."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self.began = {inbox: self.call("register", inbox, 0)[0] for inbox in "abc"}

    def call(self, function: str, *words: object) -> Any:
        return self.client.execute_command(
            "FCALL", f"parley_{VERSION}_{function}", 1, KEYS.last, *map(str, words)
        )

    def hear(self, inbox: str, *rooms: str, version: int = 1) -> Any:
        return self.call("order", inbox, version, "0-0", len(rooms), *rooms)

    def withdraw(self, inbox: str, *rooms: str, read: str) -> Any:
        return self.call("order", inbox, 2, read, 0, *rooms)

    def send(self, number: int, *rooms: str, own: str = "a", joined: str = "0", max_len: int = 100) -> str:
        """One record, to all without rooms; its id."""
        words = (len(rooms), *rooms) if rooms else (-1,)
        fields = (number, "/", "3", number, *words, *joined.split())
        (offset,) = self.call("publish", own, "writer", max_len, *fields)
        return str(offset)

    def has(self, inbox: str) -> list[str]:
        """What is for an instance, after its beginning: in its inbox and in the common stream."""
        entries = self.of(KEYS.inbox(inbox)) + self.of(KEYS.common)
        return [data for _, data in sorted(entries, key=lambda entry: position(entry[0]))]

    def of(self, stream: str) -> list[tuple[str, str]]:
        """The ids and data of a stream's records."""
        entries = self.client.xrange(stream)
        return [(offset, fields["data"]) for offset, fields in entries if "data" in fields]


@pytest.fixture
def cluster(redis_url: str) -> Iterator[Cluster]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.function_load(LIBRARY, replace=True)
        yield Cluster(client)


def test_the_library_is_there_once(cluster: Cluster) -> None:
    with pytest.raises(redis.ResponseError) as refused:
        cluster.client.function_load(LIBRARY)
    assert is_loaded_already(str(refused.value))
    assert not is_loaded_already("OOM command not allowed when used memory > 'maxmemory'.")


def test_a_record_goes_to_those_who_hear_of_a_room_and_to_its_publisher(cluster: Cluster) -> None:
    cluster.hear("b", "/,r")
    cluster.hear("c", "/,r", "/,q")
    cluster.send(1, "/,r")
    cluster.send(2, "/,q", own="b")
    cluster.send(3, "/,q", "/,r", own="")
    cluster.send(4, "/,nobody")
    cluster.send(5)
    assert cluster.has("a") == ["1", "4", "5"]
    assert cluster.has("b") == ["1", "2", "3", "5"]
    assert cluster.has("c") == ["1", "2", "3", "5"]


def test_what_nearly_all_would_get_is_stored_once(cluster: Cluster) -> None:
    for name in "defghij":
        cluster.call("register", name, 0)
    for name in "bcdefghij":
        cluster.hear(name, "/,all", *(["/,most"] if name < "i" else []), *(["/,some"] if name < "h" else []))
    for number, room in enumerate(("/,some", "/,most", "/,all"), 1):
        cluster.send(number, room)
    cluster.send(4)
    cluster.send(5, joined="1 /,q")
    assert [data for _, data in cluster.of(KEYS.common)] == ["3", "4"]
    assert [data for _, data in cluster.of(KEYS.inbox("a"))] == ["1", "2", "5"]


def test_a_call_that_writes_to_both_streams_says_so(cluster: Cluster) -> None:
    """In what comes behind an entry of the other one. A Redis that waits for one of them may give it first."""
    records = ((1, 1, "/,r"), (2, -1), (3, 1, "/,r"), (4, -1))
    words = [word for number, *rooms in records for word in (number, "/", "3", number, *rooms, 0)]
    cluster.call("publish", "a", "writer", 100, *words)
    marked = {
        fields["data"]: MIXED in fields
        for stream in (KEYS.inbox("a"), KEYS.common)
        for _, fields in cluster.client.xrange(stream)
        if "data" in fields
    }
    assert marked == {"1": False, "2": True, "3": True, "4": True}


def test_where_the_common_stream_is_gone_inboxes_get_all(cluster: Cluster) -> None:
    cluster.client.delete(KEYS.common)
    cluster.send(1)
    assert cluster.has("a") == cluster.has("b") == ["1"]
    cluster.call("register", "d", 0)
    cluster.send(2)
    assert [data for _, data in cluster.of(KEYS.common)] == ["2"]


def test_a_record_has_one_id_everywhere_and_ids_rise(cluster: Cluster) -> None:
    ids = [cluster.send(number) for number in range(1, 20)]
    assert ids == sorted(set(ids), key=position)
    assert [offset for offset, _ in cluster.of(KEYS.common)] == ids


def test_ids_rise_whatever_the_clock_does(cluster: Cluster) -> None:
    cluster.client.set(KEYS.last, FUTURE)
    assert cluster.send(1) == "99999999999999-8"
    cluster.client.delete(KEYS.last)
    assert cluster.send(2) == "99999999999999-9", "the newest record tells how far they were"


def test_a_repetition_is_stored_once_and_has_the_ids_of_before(cluster: Cluster) -> None:
    def publish(*numbers: int) -> list[str]:
        words = [word for number in numbers for word in (number, "/", "3", number, 1, "/,r", 0)]
        ids: list[str] = cluster.call("publish", "a", "writer", 100, *words)
        return ids

    first = publish(1, 2, 3)
    assert publish(1, 2, 3) == first
    again = publish(1, 3, 4, 7)  # one was given up, and others have come
    assert again[:2] == [first[0], first[2]]
    assert position(again[2]) > position(first[2])
    assert publish(4, 7) == again[2:]
    assert cluster.has("a") == ["1", "2", "3", "4", "7"]
    cluster.call("publish", "a", "another", 100, 1, "/", "3", "other", 1, "/,r", 0)
    assert cluster.has("a")[-1] == "other", "each writer has its own numbers"


def test_a_repetition_of_a_join_is_passed_over(cluster: Cluster) -> None:
    cluster.hear("b", "/,user")
    words = (1, "/", "4", 1, 1, "/,user", 2, "/,r", "/,q", 2, "/", "3", 2, 1, "/,user", 0)
    ids = cluster.call("publish", "a", "writer", 100, *words)
    assert cluster.call("publish", "a", "writer", 100, *words) == ids
    assert cluster.has("b") == ["1", "2"]


def test_who_has_the_sockets_that_join_hears_of_the_room(cluster: Cluster) -> None:
    """From that record on, though its instance has not read it yet. So does the publisher, who gets the record too."""
    cluster.hear("b", "/,user")
    cluster.send(1, "/,user", "/,r", joined="1 /,r")
    cluster.send(2, "/,r", own="")
    assert cluster.has("a") == cluster.has("b") == ["1", "2"]
    assert cluster.has("c") == []
    cluster.send(3, joined="2 /,q /,p", own="")  # all sockets join
    cluster.send(4, "/,p", own="")
    assert cluster.has("c") == ["3", "4"]
    assert [data for _, data in cluster.of(KEYS.inbox("c"))] == ["3"]
    cluster.send(5, "/,nobody", joined="1 /,o", own="")
    assert not cluster.client.exists("{s}:interest:/,o")


def test_a_room_is_not_taken_back_before_its_instance_has_read_that_it_was_given(cluster: Cluster) -> None:
    cluster.hear("b", "/,user", "/,r")
    given = cluster.send(1, "/,user", joined="1 /,r")
    assert cluster.withdraw("b", "/,r", read=cluster.began["b"])[0] == 0
    cluster.send(2, "/,r")
    assert cluster.has("b") == ["1", "2"]
    assert cluster.withdraw("b", "/,r", read=given)[0] == 1
    cluster.send(3, "/,r")
    assert cluster.has("b") == ["1", "2"]


def test_an_order_tells_from_where_on_all_comes(cluster: Cluster) -> None:
    last = cluster.send(1, "/,r")
    assert cluster.hear("b", "/,r") == [1, last, cluster.began["b"]]
    assert position(cluster.began["b"]) < position(last)
    assert cluster.hear("a", "/,r") == [1, last, last]
    assert cluster.call("order", "unknown", 1, "0-0", 0) == [0]


def test_an_order_after_one_that_is_lost_or_after_its_successor_is_not_carried_out(cluster: Cluster) -> None:
    for version, room in enumerate(("/,p", "/,q", "/,q"), 1):
        assert cluster.hear("b", room, version=version)[0] == 1
    assert cluster.hear("b", "/,q", version=3)[0] == 1  # repeated, since its answer was lost
    assert cluster.hear("b", "/,r", version=2) == [0]
    cluster.client.hset("{s}:versions", "b", "1")  # as a replica may have it that takes over
    assert cluster.hear("b", "/,r", version=4) == [0]
    assert not cluster.client.exists("{s}:interest:/,r")


def test_an_inbox_that_is_gone_is_forgotten(cluster: Cluster) -> None:
    cluster.hear("b", "/,r")
    cluster.client.delete(KEYS.inbox("b"))
    cluster.send(1, "/,r")
    cluster.send(2)
    assert not cluster.client.exists(KEYS.inbox("b"), "{s}:interest:/,r")
    assert cluster.client.zrange(KEYS.inboxes, 0, -1) == ["a", "c"]
    assert cluster.has("c") == ["2"]


def test_nothing_is_stored_for_a_publisher_that_is_forgotten(cluster: Cluster) -> None:
    with pytest.raises(redis.ResponseError, match="NOINBOX"):
        cluster.send(1, own="unknown")
    assert cluster.has("a") == []


def test_an_instance_learns_that_redis_has_lost_something(cluster: Cluster) -> None:
    for version in (1, 2, 3):
        cluster.hear("a", "/,r", version=version)
    assert cluster.call("renew", "a", 3, 0) == 1
    assert cluster.call("renew", "a", 4, 0) == 0, "its last order"
    cluster.client.delete(KEYS.inbox("a"))
    assert cluster.call("renew", "a", 3, 0) == 0, "its inbox"


def test_where_redis_has_lost_everything_nothing_is_stored_before_the_others_are_back(
    cluster: Cluster,
) -> None:
    cluster.call("register", "d", 60_000)
    cluster.send(1, own="d")  # others are there, so it was not everything
    cluster.client.flushdb()
    cluster.call("register", "a", 60_000)
    with pytest.raises(redis.ResponseError, match="SETTLING"):
        cluster.send(2)
    cluster.call("register", "b", 60_000)
    cluster.client.delete("{s}:settling")
    cluster.send(2)
    assert cluster.has("b") == ["2"]


def test_who_gives_no_sign_of_life_is_forgotten_by_the_others(cluster: Cluster) -> None:
    cluster.client.zincrby(KEYS.inboxes, -5_000, "b")
    cluster.call("renew", "a", 0, 0)
    cluster.call("renew", "a", 0, 10_000)
    assert cluster.client.exists(KEYS.inbox("b"))
    cluster.call("renew", "a", 0, 4_000)
    assert not cluster.client.exists(KEYS.inbox("b"))
    assert 0 < cluster.client.pttl(KEYS.inbox("a")) <= KEEP_INBOX


def test_the_inbox_of_one_that_ends_is_filled_on_where_clients_may_come_back(cluster: Cluster) -> None:
    before = cluster.client.zscore(KEYS.inboxes, "c")
    cluster.call("leave", "b", 0)
    cluster.call("leave", "c", 1)
    cluster.send(1)
    assert not cluster.client.exists(KEYS.inbox("b"))
    assert cluster.has("c") == ["1"]
    assert before - LEASE <= cluster.client.zscore(KEYS.inboxes, "c") < before - LEASE / 2, "it does not run"


def test_an_inbox_keeps_to_its_length(cluster: Cluster) -> None:
    for number in range(1, 500):
        cluster.send(2 * number, max_len=50)
        cluster.send(2 * number + 1, "/,r", max_len=50)
    for stream in (KEYS.common, KEYS.inbox("a")):
        assert 50 <= len(cluster.of(stream)) < 250  # Redis trims by whole nodes


def test_who_hears_of_rooms(cluster: Cluster) -> None:
    cluster.hear("b", "/,r", "/,q")
    cluster.hear("c", "/,q")
    assert cluster.call("hearing", "/,r") == ["b"]
    assert sorted(cluster.call("hearing", "/,r", "/,q")) == ["b", "c"]
    assert cluster.call("hearing", "/,nobody") == []
    assert cluster.call("hearing") == ["a", "b", "c"]


def test_all_keys_are_in_one_slot(cluster: Cluster) -> None:
    cluster.hear("b", "/,{r}", "/,{q}")
    cluster.send(1, "/,{r}", joined="1 /,{p}")
    keys = cluster.client.keys()
    assert len(keys) > 8
    assert {slot_of(key) for key in keys} == {slot_of("s")}
