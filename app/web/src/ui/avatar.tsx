import type { UserRef } from "../client";
import { shortNameOf } from "./format";
import { Icon } from "./icons";

const HUES = 8;

/** One colour a person for ever: FNV-1a of the id. */
function hue(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % HUES;
}

function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((word) => [...(word ?? "?")][0]?.toUpperCase()).join("");
}

interface AvatarProps {
  user: UserRef;
  size?: "small" | "large" | undefined;
  online?: boolean | undefined;
}

/** Initials on the person's colour. It stands beside a name and, with the dot, beside the word: hidden from readers. */
export function Avatar({ user, size, online }: AvatarProps) {
  return (
    <span class={`avatar ${size ?? ""} hue-${hue(user.id)}`} aria-hidden="true">
      {initials(shortNameOf(user))}{online && <span class="dot" />}
    </span>
  );
}

export function RoomMark({ isPrivate, size }: { isPrivate: boolean; size?: "large" }) {
  return (
    <span class={`avatar of-room ${size ?? ""}`}>
      <Icon name={isPrivate ? "lock" : "hash"} size={size ? 28 : 18} />
    </span>
  );
}
