"""All attacks, by the door that they come through."""

from scripts.hostility.attack import Attack
from scripts.hostility.attacks import accounts, events, frames, http, parsed, unread, uploads

ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for door in (http, frames, parsed, unread, uploads, events, accounts)
    for attack in door.ATTACKS
}
