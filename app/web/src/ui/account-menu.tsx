import { model } from "../model";
import { Avatar } from "./avatar";
import { MenuButton, MenuItem } from "./controls";
import { shortNameOf } from "./format";
import { later } from "./load-later";
import { openDialog } from "./open-dialog";
import { go } from "./route";
import { setTheme, theme, type Theme } from "./theme";
import { attempt } from "./toasts";

const THEMES: readonly (readonly [Theme, string])[] = [
  ["system", "Theme of the system"], ["light", "Light theme"], ["dark", "Dark theme"],
];

const STATUS = { "online": "Online", "connecting": "Connecting…", "offline": "Not connected", "signed-out": "Signed out" };

async function signOut(): Promise<void> {
  await later().then((parts) => parts.discardUploads(), () => undefined); // what was never loaded has none
  if (await attempt(() => model.signOut())) go({ name: "sign-in" });
}

export function AccountMenu() {
  const me = model.me.value;
  if (!me) return null;
  const { status } = model.connection.value;
  return (
    <div class="self">
      <Avatar user={me} online={status === "online"} />
      <span class="self-name">
        <span class="truncate">{shortNameOf(me)}</span>
        <small>{STATUS[status]}</small>
      </span>
      <MenuButton label="Account">
        {(close) => {
          const then = (action: () => void) => () => { close(); action(); };
          return (
            <>
              {THEMES.map(([name, label]) => (
                <MenuItem key={name} checked={theme.value === name} onClick={then(() => setTheme(name))}>
                  {label}
                </MenuItem>
              ))}
              <hr />
              <MenuItem onClick={then(() => void attempt(() => model.startConversation(me)))}>
                Notes to yourself
              </MenuItem>
              <MenuItem onClick={then(() => (openDialog.value = "notifications"))}>Notifications</MenuItem>
              <MenuItem onClick={then(() => (openDialog.value = "privacy"))}>Privacy</MenuItem>
              <MenuItem onClick={then(() => void signOut())}>Sign out</MenuItem>
            </>
          );
        }}
      </MenuButton>
    </div>
  );
}
