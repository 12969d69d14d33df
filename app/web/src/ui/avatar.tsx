import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { UserRef } from "../client";
import { model } from "../model";
import { shortNameOf } from "./format";
import { Icon } from "./icons";

const HUES = 16;
const SHADES = ["42%", "51%"]; // white text on each is at least 5:1

/** One colour a person for ever: FNV-1a of the id. */
function colour(id: string): Record<string, string | number> {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  const which = (hash >>> 0) % (HUES * SHADES.length);
  return { "--hue": ((which % HUES) * 360) / HUES, "--shade": SHADES[Math.floor(which / HUES)]! };
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

/** The picture at a path, once it is there. */
function usePicture(path: string | null): string | null {
  const url = useSignal<string | null>(null);
  useEffect(() => {
    url.value = null;
    if (path) model.pictureUrl(path).then((found) => { url.value = found; }, () => undefined); // the initials stay
  }, [path]);
  return url.value;
}

/** The person's picture, or initials on the person's colour. It stands beside a name and, with the dot, beside the word: hidden from readers. */
export function Avatar({ user, size, online }: AvatarProps) {
  const picture = usePicture((model.userOf(user.id) ?? user).avatar);
  return (
    <span class={`avatar ${size ?? ""}`} style={colour(user.id)} aria-hidden="true">
      {picture ? <img src={picture} alt="" /> : initials(shortNameOf(user))}{online && <span class="dot" />}
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
