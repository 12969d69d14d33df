"""The operations with which users decide what they want for themselves: as `app.api.operations` has the others."""

from app.accounts.blocks import UserBlocks
from app.accounts.privacy import PrivacySettings
from app.accounts.profiles import Profiles
from app.contract.operation import Operation, RestPage
from app.kept_messages.saved_messages import UserSavedMessages
from app.notifications.password_resets import ForgottenPasswords
from app.notifications.preferences import NotificationPreferences
from app.notifications.subscriptions import DeviceSubscriptions
from app.rooms.preferences import RoomPreferences


def personal(
    blocks: UserBlocks, privacy: PrivacySettings, preferences: RoomPreferences, profiles: Profiles
) -> list[Operation]:
    """Settings of users for themselves."""
    return [
        Operation(
            run=blocks.list_page, event="user:blocks", code="LIST_FAILED", http=("GET", "/chat/blocks")
        ),
        Operation(
            run=blocks.block, event="user:block", code="BLOCK_FAILED", http=("PUT", "/chat/blocks/{userId}")
        ),
        Operation(
            run=blocks.unblock,
            event="user:unblock",
            code="BLOCK_FAILED",
            http=("DELETE", "/chat/blocks/{userId}"),
        ),
        Operation(
            run=profiles.get,
            event="user:profile",
            code="PROFILE_FAILED",
            http=("GET", "/chat/users/{userId}/profile"),
        ),
        Operation(
            run=profiles.update,
            event="user:set-profile",
            code="PROFILE_FAILED",
            http=("PATCH", "/chat/profile"),
        ),
        Operation(
            run=privacy.get, event="user:privacy", code="PRIVACY_FAILED", http=("GET", "/chat/privacy")
        ),
        Operation(
            run=privacy.update,
            event="user:set-privacy",
            code="PRIVACY_FAILED",
            http=("PATCH", "/chat/privacy"),
        ),
        Operation(
            run=preferences.mute,
            event="room:mute",
            code="MUTE_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/mute"),
        ),
        Operation(
            run=preferences.unmute,
            event="room:unmute",
            code="MUTE_FAILED",
            http=("DELETE", "/chat/rooms/{roomId}/mute"),
        ),
        Operation(
            run=preferences.hide,
            event="conversation:hide",
            code="HIDE_FAILED",
            http=("PUT", "/chat/conversations/{roomId}/hidden"),
        ),
    ]


def kept(preferences: RoomPreferences, saved: UserSavedMessages) -> list[Operation]:
    """What users keep for themselves: favourite rooms, and messages."""
    of_message = "/chat/messages/{messageId}/saved"
    return [
        Operation(
            run=preferences.add_favorite,
            event="room:favorite",
            code="FAVORITE_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/favorite"),
        ),
        Operation(
            run=preferences.remove_favorite,
            event="room:unfavorite",
            code="FAVORITE_FAILED",
            http=("DELETE", "/chat/rooms/{roomId}/favorite"),
        ),
        Operation(run=saved.save, event="message:save", code="SAVE_FAILED", http=("PUT", of_message)),
        Operation(run=saved.unsave, event="message:unsave", code="SAVE_FAILED", http=("DELETE", of_message)),
        Operation(
            run=saved.list_page,
            event="saved:list",
            code="LIST_FAILED",
            http=("GET", "/chat/saved"),
            rest_page=RestPage("saved", cursor="before"),
        ),
        Operation(run=saved.ids, event="saved:ids", code="LIST_FAILED", http=("GET", "/chat/saved/ids")),
    ]


def notifications(
    preferences: NotificationPreferences, subscriptions: DeviceSubscriptions, forgotten: ForgottenPasswords
) -> list[Operation]:
    """What notifies users, the devices that take pushes, and links to users; the latter two over REST only."""
    return [
        Operation(
            run=preferences.get,
            event="notifications:get",
            code="NOTIFICATIONS_FAILED",
            http=("GET", "/chat/notifications"),
        ),
        Operation(
            run=preferences.update,
            event="notifications:set",
            code="NOTIFICATIONS_FAILED",
            http=("PATCH", "/chat/notifications"),
        ),
        Operation(
            run=preferences.get_room,
            event="room:notifications",
            code="NOTIFICATIONS_FAILED",
            http=("GET", "/chat/rooms/{roomId}/notifications"),
        ),
        Operation(
            run=preferences.set_room,
            event="room:set-notifications",
            code="NOTIFICATIONS_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/notifications"),
        ),
        Operation(
            run=forgotten.forgot_password, http=("POST", "/auth/forgot-password"), status=204, who="anybody"
        ),
        Operation(run=subscriptions.push_list, http=("GET", "/chat/push")),
        Operation(run=subscriptions.push_subscribe, http=("POST", "/chat/push"), status=201),
        Operation(
            run=subscriptions.push_unsubscribe, http=("DELETE", "/chat/push/{subscriptionId}"), status=204
        ),
    ]
