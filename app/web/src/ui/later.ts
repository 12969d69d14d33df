/** The parts of the page that its first look does without: one file, which `load-later` loads, with its styles. */
import { plainText } from "../markdown/plain";
import markdown from "../markdown/markdown.css?inline";
import { toPlain } from "../message-text";
import { takeKeys } from "./commands";
import dialogs from "./styles/dialogs.css?inline";
import emojis from "./styles/emojis.css?inline";
import panels from "./styles/panels.css?inline";
import switcher from "./styles/switcher.css?inline";
import { startTelling } from "../telling/telling";

export { ArchivedNote } from "./archived-note";
export { renderText } from "../markdown/render";
export { AccountItems } from "./account-items";
export { toggleBlock } from "./blocking";
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
export { PageDialogs } from "./page-dialogs";
export { GroupItems, PersonItems } from "./person-items";
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

// Within the script they need no request of their own; the policy of the page allows no <style>.
const styles = new CSSStyleSheet();
styles.replaceSync(dialogs + panels + markdown + emojis + switcher);
document.adoptedStyleSheets.push(styles);

startTelling();
takeKeys();
