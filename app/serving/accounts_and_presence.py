"""Accounts and presence, as the settings want them."""

import msgspec

from app.accounts.auth import Auth
from app.accounts.sessions.device_tokens import DeviceTokens
from app.accounts.sessions.tokens import Tokens
from app.accounts.sign_ups import Policy, SignUps
from app.announce.announcer import Announcer
from app.config.settings import Settings
from app.core.redis_scripts import SoftState
from app.db.database import Database
from app.limits.rate_limits import Limits
from app.presence.presence import PresenceTracker
from app.rooms.first_rooms import FirstRooms
from protocol import Server


def auth_of(
    settings: Settings, db: Database, limits: Limits, presence: PresenceTracker, announcer: Announcer
) -> Auth:
    """Accounts, with tokens that the secret signs."""
    secret = settings.jwt_secret
    first_rooms = FirstRooms(announcer)
    policy = msgspec.convert(settings.sign_up, Policy)
    sign_ups = SignUps(policy, first_rooms.enter, first_rooms.announce)
    return Auth(db, Tokens(secret), DeviceTokens(secret), limits, presence.of, sign_ups)


def presence_of(settings: Settings, io: Server, db: Database, soft_state: SoftState) -> PresenceTracker:
    """Presence with the times that the settings have."""
    return PresenceTracker(
        io,
        db,
        soft_state,
        max_sockets=settings.max_sockets_per_user,
        hold=settings.presence_hold / 1000,
        lease=settings.presence_lease / 1000,
    )
