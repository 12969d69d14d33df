"""A room with people in it, where the tests of messages and members begin."""

from typing import Any, Self

from tests.support.chat.people import Device, People, Person


class Scene:
    """A room of Ann's, and a device of each person. Bob is a member; Eve is a stranger. Not all tests need both.

    Subclasses add what a test needs beside them.
    """

    ann: Person
    bob: Person
    eve: Person
    hers: Device  # Ann's
    his: Device  # Bob's
    stranger: Device  # Eve's
    room: str

    @classmethod
    async def open(
        cls, people: People, *, bob: bool = True, eve: bool = False, private: bool = False
    ) -> Self:
        """Sign them up and connect them; what was announced of Bob's joining has come when this returns."""
        scene = cls()
        scene.ann = await people()
        scene.room = await scene.ann.room(isPrivate=private)
        scene.hers = await scene.ann.device()
        if bob:
            scene.bob = await people()
            scene.his = await scene.bob.device()
            await scene._let_in(private=private)
        if eve:
            scene.eve = await people()
            scene.stranger = await scene.eve.device()
        return scene

    async def _let_in(self, *, private: bool) -> None:
        announced = ["room:user-joined"]
        if private:
            await self.hers.ok("room:invite", self.of(self.bob))
            announced.append("room:member-updated")
        await self.his.ok("room:join", {"roomId": self.room})
        for device in (self.hers, self.his):
            for event in announced:
                await device.expect(event)

    def of(self, person: Person, **fields: Any) -> dict[str, Any]:
        """A payload about somebody in the room."""
        return {"roomId": self.room, "userId": person.id, **fields}
