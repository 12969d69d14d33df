"""Finding rooms and people, and changing a room's name; as events and over REST."""

import httpx

from tests.support.chat.people import Device, People


async def found(device: Device, query: str | None) -> list[str]:
    page = await device.ok("room:discover", {"query": query})
    return [room["name"] for room in page["rooms"]]


# Public rooms


async def test_rooms_are_found_by_any_parts_of_their_names(people: People) -> None:
    ann, bob = await people(), await people()
    device = await bob.device()
    names = ["Tea house", "the Coffee-House", "Teatime 2024", "Größe", "example.org fans", "C++ & O'Brien\\"]
    for name in names:
        await ann.room(name=name)
    await ann.room(name="Tea for nobody", isPrivate=True)
    for query, expected in (
        (None, names),
        ("tea", ["Tea house", "Teatime 2024"]),
        ("TEA HOU", ["Tea house"]),
        ("house", ["Tea house", "the Coffee-House"]),
        ("coffee-house", ["the Coffee-House"]),
        ("20", ["Teatime 2024"]),
        ("grö", ["Größe"]),
        ("example.o", ["example.org fans"]),
        ("o'br", ["C++ & O'Brien\\"]),
        ("ouse", ["Tea house", "the Coffee-House"]),
        ("GRO\u0308ß", ["Größe"]),
        ("osse", ["Größe"]),
        ("c++", ["C++ & O'Brien\\"]),
        ("tea coffee", []),
    ):
        assert await found(device, query) == expected, query


async def test_a_query_is_words_and_nothing_else(people: People) -> None:
    ann = await people()
    device = await ann.device()
    await ann.room(name="tea house")
    for query in ("tea:*", "!tea", "tea & !house", "tea | house", "tea' house", "(tea)", "%tea%"):
        assert await found(device, query) == ["tea house"], query
    for query in ("'", "''", "\\", "\\'", "x' | tea", "(", "<->", "%", "_", ":*", "' or 1=1 --"):
        assert await found(device, query) == [], query


async def test_public_rooms_tell_how_many_are_in_them(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room(name="tea", description="green")
    device, other = await ann.device(), await bob.device()
    await device.ok("room:invite", {"roomId": room, "userId": bob.id})
    (shown,) = (await other.ok("room:discover"))["rooms"]
    assert shown == {
        "id": room,
        "name": "tea",
        "description": "green",
        "memberCount": 1,
        "joined": False,
        "createdAt": shown["createdAt"],
    }
    await other.ok("room:join", {"roomId": room})
    (shown,) = (await other.ok("room:discover"))["rooms"]
    assert (shown["memberCount"], shown["joined"]) == (2, True)


async def test_public_rooms_have_pages(people: People) -> None:
    ann = await people()
    rooms = [await ann.room(name=f"tea {number}") for number in range(5)]
    device = await ann.device()
    for query in (None, "tea"):
        seen: list[str] = []
        after: str | None = None
        for size in (2, 2, 1):
            page = await device.ok("room:discover", {"query": query, "limit": 2, "after": after})
            assert len(page["rooms"]) == size
            seen += [room["id"] for room in page["rooms"]]
            after = page["next"]
        assert after is None
        assert seen == rooms
    answer = await ann.http.get("/chat/rooms/public", params={"query": "tea", "limit": 1, "after": rooms[1]})
    assert [room["id"] for room in answer.json()["rooms"]] == [rooms[2]]
    assert answer.json()["next"] == rooms[2]


async def test_a_public_room_is_looked_up_by_who_has_a_link_to_it(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room(name="tea", description="Green and black")
    device = await bob.device()
    shown = await device.ok("room:look-up", {"roomId": room})
    assert (shown["id"], shown["name"], shown["description"]) == (room, "tea", "Green and black")
    assert (shown["memberCount"], shown["joined"]) == (1, False)
    assert (await bob.http.get(f"/chat/rooms/public/{room}")).json() == shown
    await device.ok("room:join", {"roomId": room})
    assert (await device.ok("room:look-up", {"roomId": room}))["joined"]
    direct = (await device.ok("dm:send", {"receiverId": ann.id, "content": "Hi"}))["roomId"]
    for hidden in (await ann.room(isPrivate=True), direct, "unknown"):
        error = await device.refused("room:look-up", {"roomId": hidden})
        assert (error["code"], error["reason"]) == ("GET_FAILED", "not_found")


async def test_discoveries_that_are_refused(people: People) -> None:
    ann = await people()
    device = await ann.device()
    private = await ann.room(isPrivate=True)
    for after in (private, "unknown", "no id", ""):
        error = await device.refused("room:discover", {"after": after})
        assert (error["code"], error["reason"]) == ("DISCOVER_FAILED", "not_found")
    for payload in (
        {"limit": 0},
        {"query": ""},
        {"query": " "},
        {"query": "a\0"},
        {"query": 7},
        {"after": 7},
        7,
    ):
        assert (await device.refused("room:discover", payload))["reason"] == "invalid"
    assert (await device.refused("room:discover", {"query": "x" * 201}))["reason"] == "too_long"
    assert (await ann.http.get("/chat/rooms/public", params={"limit": "0"})).status_code == 422
    assert (await ann.http.get("/chat/rooms/public", params={"after": private})).status_code == 404


# People


async def test_people_are_found_by_any_part_of_a_name(people: People) -> None:
    names = ["Anna", "annabel", "bob", "an_na", "a.nna"]
    persons = {name: await people(name) for name in names}
    device = await persons["bob"].device()

    async def search(query: str | None, **more: int | str) -> list[str]:
        answer = await device.ok("user:search", {"query": query, **more})
        return [user["username"] for user in answer]

    assert await search("ann") == ["Anna", "annabel"]
    assert await search("ANNA") == ["Anna", "annabel"]
    assert await search("Ánna") == ["Anna", "annabel"]
    assert await search("a") == ["a.nna", "an_na", "Anna", "annabel"]
    assert await search("a", limit=1) == ["a.nna"]
    assert await search("nna") == ["a.nna", "Anna", "annabel"]
    assert await search("na") == ["a.nna", "an_na", "Anna", "annabel"]
    assert await search("b") == ["bob", "annabel"]  # whose username begins with it is first
    assert await search("bel anna") == ["annabel"]
    for wild in ("%", "_nna", "an_n", "\\", "annabella"):
        assert await search(wild) == (["an_na"] if wild == "an_n" else [])
    answer = await persons["bob"].http.get("/chat/users", params={"query": "anna", "limit": 1})
    anna = persons["Anna"].user
    assert answer.json() == [{key: anna[key] for key in ("id", "username", "displayName", "avatar")}]
    for query, found in ((None, ["a.nna", "an_na", "Anna", "annabel", "bob"]), ("b", ["bob", "annabel"])):
        assert await search(query) == found
        pages: list[str] = []
        while page := await search(query, limit=1, **({"after": persons[pages[-1]].id} if pages else {})):
            pages += page
        assert pages == found


async def test_people_are_found_by_their_display_names(people: People, http: httpx.AsyncClient) -> None:
    for username, display_name in (("hm", "Hannah Müller"), ("jp", "Jürgen Þórðarson"), ("li", "李小龙")):
        body = {"username": username + "x", "credential": "correct horse", "displayName": display_name}
        assert (await http.post("/auth/sign-up", json=body)).status_code == 201
    device = await (await people("zoe")).device()
    for query, found in (
        ("nnah", ["hmx"]),
        ("MULLER", ["hmx"]),
        ("mü han", ["hmx"]),
        ("thor", ["jpx"]),
        ("小龙", ["lix"]),
        ("x", ["hmx", "jpx", "lix"]),
    ):
        answer = await device.ok("user:search", {"query": query})
        assert [user["username"] for user in answer] == found, query


async def test_searches_for_people_that_are_refused(people: People) -> None:
    ann = await people()
    device = await ann.device()
    for payload in (
        {"query": ""},
        {"query": 7},
        {"query": "a", "limit": 0},
        {"query": "a", "limit": 101},
    ):
        error = await device.refused("user:search", payload)
        assert (error["code"], error["reason"]) == ("SEARCH_FAILED", "invalid")
    for after in ("unknown", "no id", ""):
        assert (await device.refused("user:search", {"after": after}))["reason"] == "not_found"
    assert [user["id"] for user in (await ann.http.get("/chat/users")).json()] == [ann.id]


# A room's name and description


async def test_a_room_gets_another_name_and_everybody_in_it_hears_it(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room(name="tea", description="green")
    device, other = await ann.device(), await bob.device()
    await other.ok("room:join", {"roomId": room})
    renamed = await device.ok("room:update", {"roomId": room, "name": " coffee "})
    assert (renamed["name"], renamed["description"]) == ("coffee", "green")
    assert renamed["changeSeq"] == renamed["lastSeq"] == 3
    for heard in (await device.expect("room:updated"), await other.expect("room:updated")):
        assert heard == {key: renamed[key] for key in heard}
        assert set(renamed) - set(heard) == {"lastSeq", "unread", "mentions", "membership", "group"}
    cleared = await ann.http.patch(f"/chat/rooms/{room}", json={"description": ""})
    assert (cleared.status_code, cleared.json()["description"], cleared.json()["changeSeq"]) == (200, None, 4)
    assert (await other.expect("room:updated"))["description"] is None
    assert (await other.ok("room:get", {"roomId": room}))["name"] == "coffee"


async def test_an_update_to_what_is_so_already_is_no_change(people: People) -> None:
    ann = await people()
    room = await ann.room(name="tea", description=" ")
    device = await ann.device()
    for same in ({"name": "tea"}, {"description": ""}, {"name": " tea", "description": " "}):
        assert (await device.ok("room:update", {"roomId": room, **same}))["lastSeq"] == 1
    changed = await device.ok("room:update", {"roomId": room, "name": "coffee"})
    assert (await device.expect("room:updated"))["changeSeq"] == changed["lastSeq"] == 2
    assert len(device.received["room:updated"]) == 1


async def test_updates_that_are_refused(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    device, other = await ann.device(), await bob.device()
    change = {"roomId": room, "name": "x"}
    assert (await other.refused("room:update", change))["reason"] == "not_a_member"
    await other.ok("room:join", {"roomId": room})
    error = await other.refused("room:update", change)
    assert (error["code"], error["reason"]) == ("UPDATE_FAILED", "forbidden")
    assert (await device.refused("room:update", {"roomId": "unknown", "name": "x"}))["reason"] == "not_found"
    for fields in ({}, {"name": ""}, {"name": " "}, {"name": 7}, {"description": 7}, {"name": "a\0b"}):
        assert (await device.refused("room:update", {"roomId": room, **fields}))["reason"] == "invalid"
    for fields in ({"name": "x" * 101}, {"description": "x" * 1001}):
        assert (await device.refused("room:update", {"roomId": room, **fields}))["reason"] == "too_long"
    direct = (await device.ok("dm:send", {"receiverId": bob.id, "content": "x"}))["roomId"]
    assert (await device.refused("room:update", {"roomId": direct, "name": "x"}))["reason"] == "forbidden"
    assert (await bob.http.patch(f"/chat/rooms/{room}", json={"name": "x"})).status_code == 403
    assert (await ann.http.patch(f"/chat/rooms/{room}", json={})).status_code == 422
    assert other.received["room:updated"] == []
