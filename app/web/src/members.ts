/** The members of a room, as far as they are known, and how far each has read. */
import type { Member, ReadMark } from "./client";

export interface Members {
  /** By user; those who have left are kept, so that an older page does not bring them back. */
  readonly byUser: ReadonlyMap<string, Member>;
  readonly reads: ReadonlyMap<string, number>;
}

export const NOBODY: Members = { byUser: new Map(), reads: new Map() };

/** With what a page or a change tells; what is older than what is known changes nothing. */
export function withMembers(members: Members, told: readonly Member[]): Members {
  const byUser = new Map(members.byUser);
  let reads = members.reads;
  for (const member of told) {
    const known = byUser.get(member.userId);
    if (!known || known.changeSeq <= member.changeSeq) byUser.set(member.userId, member);
    reads = raised(reads, member.userId, member.lastReadSeq);
  }
  return { byUser, reads };
}

export function withReadMark(members: Members, mark: ReadMark): Members {
  const reads = raised(members.reads, mark.userId, mark.seq);
  return reads === members.reads ? members : { ...members, reads };
}

/** Those who are in the room or invited: admins, members, the invited, and by name among these. */
export function present(members: Members): Member[] {
  const shown = [...members.byUser.values()].filter(({ state }) => state === "member" || state === "invited");
  return shown.sort((a, b) => rank(a) - rank(b) || byName.compare(nameOf(a), nameOf(b)));
}

const byName = new Intl.Collator();

function nameOf({ user }: Member): string {
  return user.displayName ?? user.username;
}

function rank({ role, state }: Member): number {
  return state === "invited" ? 2 : role === "admin" ? 0 : 1;
}

function raised(reads: ReadonlyMap<string, number>, userId: string, seq: number): ReadonlyMap<string, number> {
  return (reads.get(userId) ?? -1) >= seq ? reads : new Map(reads).set(userId, seq);
}
