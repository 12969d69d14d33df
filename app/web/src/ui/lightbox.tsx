/** A picture shown large. */

import { useSignal } from "@preact/signals";
import type { Attachment } from "../client";
import { download, useFileUrl } from "./attachments";
import { IconButton } from "./controls";
import { closeOnCancel, useModal } from "./dialog";
import { still } from "./media";
import { lightbox } from "./room-state";
import { attempt } from "./toasts";

function LargePicture({ file }: { file: Attachment }) {
  const dialog = useModal();
  const playing = useSignal(!(file.animated && still.peek() && file.thumbnailUrl));
  const url = useFileUrl(file, playing.value ? "original" : "thumbnail").value;
  const close = () => (lightbox.value = null);
  return (
    <dialog ref={dialog} class="lightbox" aria-label={`Image ${file.name}`}
      onCancel={(event) => closeOnCancel(event, close)}>
      <div class="lightbox-head">
        <h2 class="truncate">{file.name}</h2>
        {!playing.value && (
          <button type="button" class="button small" onClick={() => (playing.value = true)}>Play</button>
        )}
        <IconButton icon="download" label="Download"
          onClick={() => void attempt(() => download(file))} />
        <IconButton icon="close" label="Close" onClick={close} />
      </div>
      <div class="lightbox-stage" onClick={(event) => event.target === event.currentTarget && close()}>
        {url ? <img src={url} alt={file.name} /> : url === null ? <p>This image could not be loaded.</p> : <span class="spinner" />}
      </div>
    </dialog>
  );
}

export function Lightbox() {
  return lightbox.value && <LargePicture key={lightbox.value.id} file={lightbox.value} />;
}
