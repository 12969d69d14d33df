/** How many messages of a room one has not read, between the server's figures. */

/** Somebody else's message that came after the server's figure. */
interface Counted {
  id: string;
  seq: number;
}

export interface Unread {
  /** The server's figure of what is unread up to number `countedTo` of the room's log. */
  readonly figure: number;
  readonly countedTo: number;
  /** Everything up to this seq is read. */
  readonly readTo: number;
  readonly since: readonly Counted[];
  /** The figure no longer fits: the server is to be asked. */
  readonly stale: boolean;
}

const MOST = 1000; // as the server counts

/**
 * With the server's figure, which was taken at `lastSeq` and knows of reading up to `readTo`. What is known here to be
 * read beyond that is so, unless one `marked` it as unread.
 */
export function counted(before: Unread | null, figure: number, lastSeq: number, readTo: number, marked = false): Unread {
  if (before && before.countedTo > lastSeq) return before;
  const since = before?.since.filter((message) => message.seq > lastSeq) ?? [];
  const fresh = { figure, countedTo: lastSeq, readTo, since, stale: false };
  return before && before.readTo > readTo && !marked ? withRead(fresh, before.readTo) : fresh;
}

export function withMessage(unread: Unread, message: Counted): Unread {
  if (message.seq <= unread.countedTo || unread.since.some(({ id }) => id === message.id)) return unread;
  return { ...unread, since: [...unread.since, { id: message.id, seq: message.seq }].slice(-MOST) };
}

/** A message was deleted; whether one from before the figure was unread is not known here. */
export function withoutMessage(unread: Unread, messageId: string): Unread {
  const since = unread.since.filter(({ id }) => id !== messageId);
  if (since.length < unread.since.length) return { ...unread, since };
  return unread.figure > 0 ? { ...unread, stale: true } : unread;
}

/** Everything up to `seq` is read; `all`: nothing that is known of is unread after it. */
export function withRead(unread: Unread, seq: number, all = false): Unread {
  if (seq <= unread.readTo && !all) return unread;
  const readTo = Math.max(seq, unread.readTo);
  if (all) return { ...unread, readTo, since: [], figure: 0 };
  const since = unread.since.filter((message) => message.seq > readTo);
  if (readTo >= unread.countedTo || unread.figure === 0) return { ...unread, readTo, since, figure: 0 };
  return { ...unread, readTo, since, stale: true };
}

export function total(unread: Unread): number {
  return Math.min(MOST, unread.figure + unread.since.length);
}
