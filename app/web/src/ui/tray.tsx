/** What stands in the composer beside the text: files, and what to do with a text that is too long. */

import { inTurn, type ChosenFile } from "../chosen-files";
import { isPicture, Thumbnail } from "./attachments";
import { IconButton } from "./controls";
import type { Writing } from "./draft";
import { count, fileSize } from "./format";
import { Icon } from "./icons";
import { addText, cancelUpload, uploadsTo, type Upload } from "./uploads";

function UploadCard({ upload }: { upload: Upload }) {
  const { id, name, part, error, preview, waiting } = upload;
  const state = waiting ? "Waiting to go on" : part < 1 ? `${Math.round(part * 100)} % of ${fileSize(upload.size)}` : "Almost there…";
  return (
    <li class={`upload ${error ? "failed" : ""}`}>
      {preview ? <img src={preview} alt="" /> : <span class="file-icon"><Icon name="file" /></span>}
      <span class="upload-text">
        <span class="truncate">{name}</span>
        <small>{error ?? state}</small>
      </span>
      <IconButton icon="close" label={error ? `Remove ${name}` : `Cancel upload of ${name}`} size={16}
        onClick={() => cancelUpload(id)} />
      {!error && <progress value={part} max={1} aria-label={`Upload of ${name}`} />}
    </li>
  );
}

function FileCard({ file, onRemove }: { file: ChosenFile; onRemove: () => void }) {
  return (
    <li class="upload">
      {isPicture(file.mediaType) ? <Thumbnail file={file} /> : <span class="file-icon"><Icon name="file" /></span>}
      <span class="upload-text">
        <span class="truncate">{file.name}</span>
        <small>{fileSize(file.size)}</small>
      </span>
      <IconButton icon="close" label={`Remove ${file.name}`} size={16} onClick={onRemove} />
    </li>
  );
}

/** The files of the draft, those that are there and those on their way, in the order of their choice. */
export function Tray({ writing }: { writing: Writing }) {
  const files = inTurn([...writing.draft.value.attachments, ...uploadsTo(writing)]);
  if (files.length === 0) return null;
  return (
    <ul class="tray" aria-label="Files to send">
      {files.map((file) => ("abort" in file
        ? <UploadCard key={file.id} upload={file} />
        : <FileCard key={file.id} file={file} onRemove={() => writing.detach(file.id)} />))}
    </ul>
  );
}

export function TooLong({ by, writing }: { by: number; writing: Writing }) {
  const attach = () => {
    addText(writing.draft.peek().text, writing);
    writing.change({ text: "" });
    writing.focus.value++;
  };
  return (
    <div class="too-long" role="status">
      <span>This message is {count(by, "character")} too long.</span>
      <button type="button" class="button small" onClick={attach}>Attach the text as a file</button>
    </div>
  );
}
