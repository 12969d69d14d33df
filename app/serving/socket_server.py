"""The Socket.IO server of an instance: the engine with the options that the settings have."""

from app.api.socket_handlers import EVERYONE
from app.config.settings import Settings
from app.core.errors import Refusal
from app.limits.rate_limits import Limits
from app.observability.metrics import Metrics
from app.runtime.instance_address import forwarding
from protocol import Handshake, InterestBus, RedisBus, RedisStore, Refused, Server

SOCKET_PATH = "/io"
STRANGERS_PAYLOAD = 128 * 1024  # bytes of a message before `authenticate`; no event of the chat is larger
MAX_UNJOINED = 1_000  # polling sessions of an address without a namespace; each keeps 16 KiB of head at most


def socket_server(
    settings: Settings, bus: RedisBus | InterestBus, limits: Limits, metrics: Metrics
) -> Server:
    """The Socket.IO server with the options that the settings have."""
    origins = settings.cors_origin

    async def allow(handshake: Handshake) -> bool:
        try:
            await limits.take_event(None, handshake.address)
        except Refusal as refusal:
            raise Refused(refusal.message) from refusal
        return True

    return Server(
        path=f"{SOCKET_PATH}/",
        bus=bus,
        observer=metrics,
        store=RedisStore(settings.redis_url),
        forwarding=forwarding(settings),
        transports=settings.transports,
        allow_upgrades=settings.allow_upgrades,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        upgrade_timeout=settings.upgrade_timeout,
        connect_timeout=settings.connect_timeout,
        recovery=settings.recovery or None,
        recovery_history=settings.recovery_history * 2**20,
        recovery_for=settings.recovery_for,
        default_room=EVERYONE,
        max_payload=settings.max_payload,
        max_untrusted_payload=STRANGERS_PAYLOAD,
        max_unjoined=MAX_UNJOINED if settings.address_rate else None,
        allow_request=allow,
        cors_origins="*" if "*" in origins else origins,
        cors_credentials=bool(origins) and "*" not in origins,
    )
