/** The parts of the page that its first look does without: one file, which `load-later` loads, with its styles. */
import { plainText } from "../markdown/plain";
import markdown from "../markdown/markdown.css?inline";
import { toPlain } from "../message-text";
import { takeKeys } from "./commands";
import { addIcons } from "./icons";
import dialogs from "./styles/dialogs.css?inline";
import emojis from "./styles/emojis.css?inline";
import panels from "./styles/panels.css?inline";
import switcher from "./styles/switcher.css?inline";
import { startTelling } from "../telling/telling";

export { renderText } from "../markdown/render";
export { AccountItems } from "./account-items";
export { toggleBlock } from "./blocking";
export { ConversationMenu } from "./conversation-menu";
export { copyMessages } from "./copy-messages";
export { DetailsPanel } from "./details";
export { Beginning } from "./beginning";
export { Confirmation } from "./confirmation";
export { EditBox } from "./edit-box";
export { EditedMark } from "./edited-mark";
export { Floating } from "./floating";
export { Home, UnknownPage } from "./home";
export { JoinOffer } from "./join-offer";
export { Lightbox } from "./lightbox";
export { LinkOffer } from "./link-offer";
export { openLinked } from "./links";
export { ArchivedRooms, Invitations } from "./list-sections";
export { MembersPanel } from "./members";
export { mentionable } from "./mentionable";
export { MessageActions } from "./message-actions";
export { NoComposer } from "./no-composer";
export { PageDialogs } from "./page-dialogs";
export { PinsPanel } from "./pins-panel";
export { Previews } from "./previews";
export { ReactionPalette } from "./reaction-palette";
export { Replying } from "./replying";
export { SearchPanel } from "./search";
export { Seen } from "./seen";
export { ThreadPanel } from "./thread-panel";
export { ThreadsButton } from "./threads-list";
export { TimelineFailed } from "./timeline-failed";
export { TooLong, Tray } from "./tray";
export { UnsavedEdit } from "./unsaved-edit";
export { addFiles, cancelUpload, discardUploads } from "./uploading";

toPlain.value = plainText;
addIcons({
  archive: "M4 5h16v4H4zM6 9v10h12V9M10 13h4",
  arrowUp: "M12 19V5M6 11l6-6 6 6",
  copy: "M9 9h10v11H9zM5 15V4h10",
  leave: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
});

// Within the script they need no request of their own; the policy of the page allows no <style>.
const styles = new CSSStyleSheet();
styles.replaceSync(dialogs + panels + markdown + emojis + switcher);
document.adoptedStyleSheets.push(styles);

startTelling();
takeKeys();
