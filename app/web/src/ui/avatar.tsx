import type { UserRef } from "../client";
import { shortNameOf } from "./format";
import { colourOf } from "./hues";
import { Icon } from "./icons";

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
    <span class={`avatar ${size ?? ""}`} style={colourOf(user.id)} aria-hidden="true">
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
