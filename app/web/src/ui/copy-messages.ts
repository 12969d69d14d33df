/** Copies what is selected in a timeline: of several messages with who wrote them, which stands beside the text. */

import { transcript, type Said } from "../transcript";
import { nameOf, timeOfDay } from "./format";
import { filesInWords } from "./message-parts";
import { authorOf, isOutgoing, type Item } from "./rows";
import { model } from "../model";

/** What of a row's text is selected: all of it as it was written, or the part as it is shown. */
function selected(row: Element, item: Item, range: Range): string {
  const content = row.querySelector(".content");
  const deleted = !isOutgoing(item) && item.deletedAt !== null;
  const whole = deleted ? "" : item.content || filesInWords(item);
  if (!content) return whole;
  const part = document.createRange();
  part.selectNodeContents(content);
  const begins = content.contains(range.startContainer);
  const ends = content.contains(range.endContainer);
  if (!begins && !ends) return range.intersectsNode(content) ? whole : "";
  if (begins) part.setStart(range.startContainer, range.startOffset);
  if (ends) part.setEnd(range.endContainer, range.endOffset);
  const all = document.createRange();
  all.selectNodeContents(content);
  return part.toString() === all.toString() ? whole : part.toString();
}

/** For the list of rows, each with the `data-key` of its item. */
export function copyMessages(event: ClipboardEvent, itemOf: (key: string) => Item | undefined): void {
  const range = getSelection()?.rangeCount ? getSelection()!.getRangeAt(0) : null;
  if (!range || range.collapsed || (event.target as Element).closest?.("textarea, input")) return;
  const rows = [...(event.currentTarget as Element).querySelectorAll("[data-key]")].filter((row) => range.intersectsNode(row));
  const said = rows.flatMap((row): Said[] => {
    const item = itemOf(row.getAttribute("data-key") ?? "");
    const text = item ? selected(row, item, range) : "";
    if (!item || !text) return [];
    const author = model.userOf(authorOf(item, model.me.peek()?.id ?? ""));
    return [{ who: isOutgoing(item) ? (author ? nameOf(author) : "") : nameOf(item.sender), time: timeOfDay(item.createdAt), text }];
  });
  if (said.length < 2) return; // the browser does it
  event.clipboardData?.setData("text/plain", transcript(said));
  event.preventDefault();
}
