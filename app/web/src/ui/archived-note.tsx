import { model, type OpenRoom } from "../model";
import { isAdmin } from "./room-rights";
import { attempt } from "./toasts";

/** Stands where one would write in a room that is archived. */
export function ArchivedNote({ open: { roomId }, open }: { open: OpenRoom }) {
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
