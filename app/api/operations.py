"""Every operation of the chat: one line for its event, its REST route and both descriptions.

Those on rooms are in `room_operations`, those with which users decide for themselves in `personal_operations`.
"""

from app.accounts.auth import Auth
from app.accounts.passwords import Passwords
from app.accounts.sessions.sign_out import SignOuts
from app.accounts.user_search import UserSearch
from app.contract.operation import Operation, RestPage
from app.erasure.account_deletion import AccountDeletion
from app.kept_messages.edit_history import EditHistories
from app.messages.direct import Direct, Groups
from app.messages.edits import MessageEdits
from app.messages.history import MessageHistory
from app.messages.sync import Sync
from app.messages.writer import MessageWriter
from app.presence.presence import PresenceTracker
from app.presence.typing_indicator import TypingIndicator
from app.rooms.rooms import Rooms
from app.search_index.message_search import MessageSearch
from app.threads.user_threads import UserThreads


def accounts(
    auth: Auth, sign_outs: SignOuts, passwords: Passwords, deletion: AccountDeletion
) -> list[Operation]:
    """Accounts; over REST only."""
    return [
        Operation(run=auth.sign_up, http=("POST", "/auth/sign-up"), status=201, who="anybody"),
        Operation(run=auth.sign_up_policy, http=("GET", "/auth/sign-up"), who="anybody"),
        Operation(run=auth.sign_in, http=("POST", "/auth/sign-in"), who="anybody"),
        Operation(run=sign_outs.sign_out, http=("POST", "/auth/sign-out"), status=204),
        Operation(run=auth.sessions.list_sessions, http=("GET", "/auth/sessions")),
        Operation(run=sign_outs.end_session, http=("DELETE", "/auth/sessions/{sessionId}"), status=204),
        Operation(run=passwords.reset_password, http=("POST", "/auth/reset-password"), who="anybody"),
        Operation(run=passwords.change_password, http=("POST", "/auth/change-password")),
        Operation(run=deletion.delete_account, http=("POST", "/auth/delete-account"), status=204),
        Operation(run=auth.who_am_i, http=("GET", "/auth/who-am-i")),
    ]


def conversations(direct: Direct, groups: Groups) -> list[Operation]:
    """Direct conversations, and groups."""
    return [
        Operation(
            run=direct.send,
            event="dm:send",
            code="DM_FAILED",
            http=("POST", "/chat/dm/{userId}"),
            renamed={"userId": "receiverId"},
            status=201,
        ),
        Operation(
            run=direct.history, event="dm:history", code="HISTORY_FAILED", http=("GET", "/chat/dm/{userId}")
        ),
        Operation(
            run=direct.list_page,
            event="conversation:list",
            code="LIST_FAILED",
            http=("GET", "/chat/conversations"),
            rest_page=RestPage("conversations", cursor="before"),
        ),
        Operation(run=groups.open, event="group:open", code="OPEN_FAILED", http=("POST", "/chat/groups")),
    ]


def discovery(rooms: Rooms, people: UserSearch) -> list[Operation]:
    """Finding rooms to enter, and people."""
    return [
        Operation(
            run=rooms.discover,
            event="room:discover",
            code="DISCOVER_FAILED",
            http=("GET", "/chat/rooms/public"),
        ),
        Operation(
            run=rooms.look_up,
            event="room:look-up",
            code="GET_FAILED",
            http=("GET", "/chat/rooms/public/{roomId}"),
        ),
        Operation(run=people.search, event="user:search", code="SEARCH_FAILED", http=("GET", "/chat/users")),
    ]


def messages(writer: MessageWriter, revisions: MessageEdits, histories: EditHistories) -> list[Operation]:
    """Messages of rooms, and changes of them."""
    return [
        Operation(
            run=writer.send,
            event="message:send",
            code="SEND_FAILED",
            http=("POST", "/chat/rooms/{roomId}/messages"),
            status=201,
        ),
        Operation(
            run=revisions.edit,
            event="message:edit",
            code="EDIT_FAILED",
            http=("PATCH", "/chat/messages/{messageId}"),
        ),
        Operation(
            run=histories.edits,
            event="message:edits",
            code="GET_FAILED",
            http=("GET", "/chat/messages/{messageId}/edits"),
        ),
        Operation(
            run=revisions.delete,
            event="message:delete",
            code="DELETE_FAILED",
            http=("DELETE", "/chat/messages/{messageId}"),
        ),
        Operation(
            run=revisions.add_reaction,
            event="reaction:add",
            code="REACTION_FAILED",
            http=("PUT", "/chat/messages/{messageId}/reactions/{kind}"),
        ),
        Operation(
            run=revisions.remove_reaction,
            event="reaction:remove",
            code="REACTION_FAILED",
            http=("DELETE", "/chat/messages/{messageId}/reactions/{kind}"),
        ),
    ]


def reading(reading: MessageHistory, search: MessageSearch, sync: Sync) -> list[Operation]:
    """Reading of messages."""
    return [
        Operation(
            run=reading.history,
            event="message:history",
            code="HISTORY_FAILED",
            http=("GET", "/chat/rooms/{roomId}/messages"),
        ),
        Operation(
            run=reading.get,
            event="message:get",
            code="GET_FAILED",
            http=("GET", "/chat/messages/{messageId}"),
        ),
        Operation(
            run=search.search, event="message:search", code="SEARCH_FAILED", http=("GET", "/chat/search")
        ),
        Operation(
            run=reading.mentions, event="mention:list", code="LIST_FAILED", http=("GET", "/chat/mentions")
        ),
        Operation(
            run=reading.mark_read,
            event="room:read",
            code="READ_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/read"),
        ),
        Operation(
            run=reading.mark_unread,
            event="message:mark-unread",
            code="READ_FAILED",
            http=("PUT", "/chat/messages/{messageId}/unread"),
        ),
        Operation(
            run=sync.changes,
            event="room:sync",
            code="SYNC_FAILED",
            http=("GET", "/chat/rooms/{roomId}/changes"),
            renamed={"after": "afterSeq"},
        ),
    ]


def threads(reading: MessageHistory, threads: UserThreads) -> list[Operation]:
    """Threads: what was replied, and how a user stands to it."""
    of_message = "/chat/messages/{messageId}/thread"
    return [
        Operation(run=threads.get, event="thread:get", code="GET_FAILED", http=("GET", of_message)),
        Operation(
            run=reading.thread,
            event="thread:history",
            code="HISTORY_FAILED",
            http=("GET", f"{of_message}/messages"),
        ),
        Operation(
            run=threads.list_page,
            event="thread:list",
            code="LIST_FAILED",
            http=("GET", "/chat/threads"),
            rest_page=RestPage("threads", cursor="before"),
        ),
        Operation(
            run=threads.mark_read,
            event="thread:read",
            code="READ_FAILED",
            http=("PUT", f"{of_message}/read"),
        ),
        Operation(
            run=threads.mark_unread,
            event="thread:mark-unread",
            code="READ_FAILED",
            http=("PUT", f"{of_message}/unread"),
        ),
        Operation(
            run=threads.follow,
            event="thread:follow",
            code="FOLLOW_FAILED",
            http=("PUT", f"{of_message}/follower"),
        ),
        Operation(
            run=threads.unfollow,
            event="thread:unfollow",
            code="FOLLOW_FAILED",
            http=("DELETE", f"{of_message}/follower"),
        ),
    ]


def presence(presence: PresenceTracker, typing: TypingIndicator) -> list[Operation]:
    """Presence and typing."""
    return [
        Operation(
            run=presence.get, event="presence:get", code="PRESENCE_FAILED", http=("GET", "/chat/presence")
        ),
        Operation(run=typing.start, event="typing:start", code="TYPING_FAILED"),
        Operation(run=typing.stop, event="typing:stop", code="TYPING_FAILED"),
    ]
