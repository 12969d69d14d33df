/** The files of a message: pictures to open large, others to download. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Attachment } from "../client";
import { model } from "../model";
import { fileSize } from "./format";
import { Icon } from "./icons";
import { still } from "./media";
import { lightbox } from "./room-state";
import { attempt } from "./toasts";

const MOST_MOVING = 8_000_000; // bytes of a picture that moves in its message; a larger one does when it is opened
const PICTURE = { width: 360, height: 280 }; // px, the most of each (styles/composer.css)

/** How large a picture is drawn: its place is kept before it has come, so that nothing jumps. */
export function drawnSize(file: Attachment): { width: number; height: number } {
  const { width, height } = file;
  if (!width || !height) return { width: 240, height: 180 };
  const scale = Math.min(1, PICTURE.width / width, PICTURE.height / height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** The file's object URL: undefined while it comes, null when it cannot be had. */
export function useFileUrl(file: Attachment, which: "original" | "thumbnail") {
  const url = useSignal<string | null | undefined>(undefined);
  useEffect(() => {
    let wanted = true;
    model.fileUrl(file, which).then(
      (got) => { if (wanted) url.value = got; },
      () => { if (wanted) url.value = null; }, // shown as a picture that is missing
    );
    return () => { wanted = false; };
  }, [file.id, which]);
  return url;
}

export function Thumbnail({ file }: { file: Attachment }) {
  const url = useFileUrl(file, "thumbnail").value;
  return url ? <img src={url} alt="" /> : <span class="file-icon"><Icon name="file" /></span>;
}

function Picture({ file }: { file: Attachment }) {
  const moving = file.animated && !still.value && file.size <= MOST_MOVING;
  const url = useFileUrl(file, file.thumbnailUrl && !moving ? "thumbnail" : "original").value;
  const { width, height } = drawnSize(file);
  const tag = file.animated && !moving ? (file.mediaType === "image/gif" ? "GIF" : "Animated") : "";
  return (
    <button type="button" class={`picture ${url ? "" : "waiting"}`} aria-label={`Open image ${file.name}${tag && `, ${tag}`}`}
      style={{ width: `${width}px`, aspectRatio: `${width} / ${height}` }} onClick={() => (lightbox.value = file)}>
      {url && <img src={url} alt="" width={width} height={height} />}
      {url === null && <Icon name="file" />}
      {tag && <span class="tag" aria-hidden="true">{tag}</span>}
    </button>
  );
}

export async function download(file: Attachment): Promise<void> {
  const link = document.createElement("a");
  link.href = await model.fileUrl(file, "original");
  link.download = file.name;
  link.click();
}

function FileButton({ file }: { file: Attachment }) {
  return (
    <button type="button" class="file" onClick={() => void attempt(() => download(file))}>
      <span class="sr-only">Download </span>
      <span class="file-icon"><Icon name="file" /></span>
      <span class="upload-text">
        <span class="truncate">{file.name}</span>
        <small>{fileSize(file.size)}</small>
      </span>
      <Icon name="download" size={18} />
    </button>
  );
}

/** The kinds of picture that every browser draws and none runs scripts in. */
export function isPicture(mediaType: string): boolean {
  return /^image\/(png|jpeg|gif|webp|avif)$/.test(mediaType);
}

export function Attachments({ files }: { files: readonly Attachment[] }) {
  if (files.length === 0) return null;
  return (
    <div class="attachments">
      {files.map((file) => isPicture(file.mediaType)
        ? <Picture key={file.id} file={file} />
        : <FileButton key={file.id} file={file} />)}
    </div>
  );
}
