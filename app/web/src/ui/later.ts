/** The parts of the page that its first look does without: one file, which `load-later` loads, with its styles. */
import { plainText } from "../markdown/plain";
import markdown from "../markdown/markdown.css?inline";
import { toPlain } from "../message-text";
import dialogs from "./styles/dialogs.css?inline";
import emojis from "./styles/emojis.css?inline";
import panels from "./styles/panels.css?inline";
import { startTelling } from "../telling/telling";

export { renderText } from "../markdown/render";
export { toggleBlock } from "./blocking";
export { copyMessages } from "./copy-messages";
export { DetailsPanel } from "./details";
export { Confirmation } from "./confirmation";
export { EditBox } from "./edit-box";
export { FileDrop } from "./file-drop";
export { JoinOffer } from "./join-offer";
export { Lightbox } from "./lightbox";
export { LinkOffer } from "./link-offer";
export { MembersPanel } from "./members";
export { MessageActions } from "./message-actions";
export { PageDialogs } from "./page-dialogs";
export { PinsPanel } from "./pins-panel";
export { ReactionPalette } from "./reaction-palette";
export { SearchPanel } from "./search";
export { ThreadPanel } from "./thread-panel";
export { ThreadsButton } from "./threads-list";
export { TooLong, Tray } from "./tray";
export { UnsavedEdit } from "./unsaved-edit";
export { addFiles, cancelUpload, discardUploads } from "./uploading";

toPlain.value = plainText;

// Within the script they need no request of their own; the policy of the page allows no <style>.
const styles = new CSSStyleSheet();
styles.replaceSync(dialogs + panels + markdown + emojis);
document.adoptedStyleSheets.push(styles);

startTelling();
