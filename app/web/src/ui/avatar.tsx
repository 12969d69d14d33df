import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { UserRef } from "../client";
import { model } from "../model";
import { shortNameOf } from "./format";
import { colourOf } from "./hues";
import { Icon, type IconName } from "./icons";

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
    <span class={`avatar ${size ?? ""}`} style={colourOf(user.id)} aria-hidden="true">
      {picture ? <img src={picture} alt="" /> : initials(shortNameOf(user))}{online && <span class="dot" />}
    </span>
  );
}

export function RoomMark({ isPrivate, size, icon }: { isPrivate: boolean; size?: "large"; icon?: IconName | undefined }) {
  return (
    <span class={`avatar of-room ${size ?? ""}`}>
      <Icon name={icon ?? (isPrivate ? "lock" : "hash")} size={size ? 28 : 18} />
    </span>
  );
}
