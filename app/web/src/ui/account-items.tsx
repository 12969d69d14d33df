/** What the menu of one's account has. */

import { model } from "../model";
import { MenuItem } from "./controls";
import { setUnreadFirst, unreadFirst } from "./list-order";
import { openDialog } from "./open-dialog";
import { go } from "./route";
import { setTheme, theme, type Theme } from "./theme";
import { attempt } from "./toasts";
import { discardUploads } from "./uploading";

const THEMES: readonly (readonly [Theme, string])[] = [
  ["system", "Theme of the system"], ["light", "Light theme"], ["dark", "Dark theme"],
];

const ORDERS: readonly (readonly [boolean, string])[] = [[true, "Unread rooms first"], [false, "Rooms by name"]];

const DIALOGS = [
  ["saved", "Saved messages"], ["account", "Your account"], ["notifications", "Notifications"], ["privacy", "Privacy"],
  ["shortcuts", "Keyboard shortcuts"],
] as const;

async function signOut(): Promise<void> {
  await discardUploads();
  if (await attempt(() => model.signOut())) go({ name: "sign-in" });
}

export function AccountItems({ close }: { close: () => void }) {
  const me = model.me.value;
  if (!me) return null;
  const then = (action: () => void) => () => { close(); action(); };
  return (
    <>
      {THEMES.map(([name, label]) => (
        <MenuItem key={name} checked={theme.value === name} onClick={then(() => setTheme(name))}>{label}</MenuItem>
      ))}
      <hr />
      {ORDERS.map(([first, label]) => (
        <MenuItem key={label} checked={unreadFirst.value === first} onClick={then(() => setUnreadFirst(first))}>{label}</MenuItem>
      ))}
      <hr />
      <MenuItem onClick={then(() => void attempt(() => model.startConversation(me)))}>Notes to yourself</MenuItem>
      {DIALOGS.map(([name, label]) => (
        <MenuItem key={name} onClick={then(() => (openDialog.value = name))}>{label}</MenuItem>
      ))}
      {me.isAdministrator && <MenuItem onClick={() => location.assign("/admin")}>Administration</MenuItem>}
      <MenuItem onClick={then(() => void signOut())}>Sign out</MenuItem>
    </>
  );
}
