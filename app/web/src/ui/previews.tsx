/** What the pages say of themselves that a message links to. */

import type { LinkPreview } from "../client";

export function Previews({ of }: { of: readonly LinkPreview[] }) {
  return (
    <div class="previews">
      {of.map(({ url, title, description, siteName }) => (
        <a key={url} class="preview" href={url} target="_blank" rel="noopener noreferrer nofollow">
          <small class="truncate">{siteName ?? url.split("/")[2]}</small>
          <strong>{title}</strong>
          {description && <span>{description}</span>}
        </a>
      ))}
    </div>
  );
}
