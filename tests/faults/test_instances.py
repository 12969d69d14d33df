"""An instance dies, or stands still for longer than its lease."""

import asyncio
import signal

import pytest

from tests.faults.conftest import Cluster, Talk, all_is_well_again, both_modes, by_interest
from tests.support.chat.talking_members import PythonMember
from tests.support.waiting import sleep_until

pytestmark = pytest.mark.begins_early

FROZEN = 6.0  # seconds: twice a lease


@both_modes
async def test_an_instance_is_killed(cluster: Cluster, talk: Talk) -> None:
    first, second = cluster.instances
    first.process.kill()
    await talk.goes_on()  # its clients are with the other one now
    await cluster.tells("ready", 200, 1)
    await talk.everybody_is_online()
    await asyncio.to_thread(first.process.wait)
    first.start()
    await cluster.tells("ready", 200)
    second.process.kill()
    talk.http.base_url = first.url
    await talk.goes_on()
    await talk.ends()
    await talk.everybody_is_online()
    await asyncio.to_thread(second.process.wait)
    second.start()
    await cluster.tells("ready", 200)
    cluster.assert_alive()


@by_interest
async def test_whose_instance_is_killed_is_offline_until_they_are_back(cluster: Cluster, talk: Talk) -> None:
    first = cluster.instances[0]
    stranded = await talk.let_in(first.url, PythonMember)  # who knows no other way
    await talk.everybody_is_online()
    first.process.kill()
    await talk.presence_is({stranded.user_id: "offline"})
    await asyncio.to_thread(first.process.wait)
    first.start()
    await talk.everybody_is_online()
    await talk.goes_on()
    await talk.ends()
    cluster.assert_alive()


@by_interest
async def test_an_instance_stands_still_past_its_lease(cluster: Cluster, talk: Talk) -> None:
    frozen = cluster.instances[0]
    thawed = asyncio.get_running_loop().time() + FROZEN
    frozen.process.send_signal(signal.SIGSTOP)
    try:
        await talk.goes_on()  # its clients have noticed, and are with the other one
        await sleep_until(thawed)
        await cluster.tells("ready", 200, 1)
        await talk.everybody_is_online()
    finally:
        frozen.process.send_signal(signal.SIGCONT)
    await cluster.tells("ready", 200)
    await all_is_well_again(cluster, talk)
