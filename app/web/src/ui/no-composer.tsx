/** What stands where one cannot write. */

import type { UserRef } from "../client";
import { model, type OpenRoom } from "../model";
import { toggleBlock } from "./blocking";
import { nameOf } from "./format";
import { isAdmin } from "./room-rights";
import { attempt } from "./toasts";

/** Stands where one would write in a room that is archived. */
function ArchivedNote({ open: { roomId }, open }: { open: OpenRoom }) {
  return (
    <div class="composer blocked-note">
      <p>This room is archived: everything in it can be read, and nothing be written.</p>
      {isAdmin(open) && (
        <button type="button" class="button small"
          onClick={() => void attempt(() => model.link.call("room:unarchive", { roomId }))}>Unarchive</button>
      )}
    </div>
  );
}

/** Stands where one would write to somebody whom one has blocked. */
function BlockedNote({ user }: { user: UserRef }) {
  return (
    <div class="composer blocked-note">
      <p>You have blocked {nameOf(user)}.</p>
      <button type="button" class="button small" onClick={() => void toggleBlock(user)}>Unblock</button>
    </div>
  );
}

/** Stands where one would write, if one could. */
export function NoComposer({ open, user }: { open: OpenRoom | null; user: UserRef | null | undefined }) {
  if (open?.room.value) return <ArchivedNote open={open} />;
  return user ? <BlockedNote user={user} /> : null;
}
