/** What admins do with the members of a room. */
import type { Member, Role } from "../client";
import { model } from "../model";

const call: typeof model.link.call = (event, payload) => model.link.call(event, payload);

function told(member: Member): void {
  model.changed({ roomId: member.roomId, userId: member.userId, seq: member.changeSeq, member });
}

export const invite = async (roomId: string, whom: { userId: string } | { username: string }) =>
  told(await call("room:invite", { roomId, ...whom }));

export const setRole = async (roomId: string, userId: string, role: Role) =>
  told(await call("room:set-role", { roomId, userId, role }));

/** Also withdraws an invitation. */
export const kick = async (roomId: string, userId: string) => told(await call("room:kick", { roomId, userId }));

export const ban = async (roomId: string, userId: string) => told(await call("room:ban", { roomId, userId }));

export const unban = async (roomId: string, userId: string) => told(await call("room:unban", { roomId, userId }));
