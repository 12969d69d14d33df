import { useSignal } from "@preact/signals";
import { model } from "../model";
import { Avatar } from "./avatar";
import { nameOf } from "./format";
import { Icon, type IconName } from "./icons";
import { Popover } from "./popover";
import { go } from "./route";
import { setTheme, theme, type Theme } from "./theme";
import { attempt } from "./toasts";

const THEMES: readonly (readonly [Theme, IconName, string])[] = [
  ["system", "system", "Theme of the system"], ["light", "sun", "Light theme"], ["dark", "moon", "Dark theme"],
];

const STATUS = { "online": "Online", "connecting": "Connecting…", "offline": "Offline", "signed-out": "Signed out" };

async function signOut(): Promise<void> {
  if (await attempt(() => model.signOut())) go({ name: "sign-in" });
}

export function AccountMenu() {
  const anchor = useSignal<DOMRect | null>(null);
  const me = model.me.value;
  if (!me) return null;
  const close = () => { anchor.value = null; };
  const then = (action: () => void) => () => { close(); action(); };
  const { status } = model.connection.value;
  return (
    <div class="self">
      <Avatar user={me} online={status === "online"} />
      <span class="self-name">
        <span class="truncate">{nameOf(me)}</span>
        <small>{STATUS[status]}</small>
      </span>
      <button type="button" class="icon-button" aria-label="Account" title="Account" aria-haspopup="menu"
        aria-expanded={anchor.value !== null}
        onClick={(event) => (anchor.value = event.currentTarget.getBoundingClientRect())}>
        <Icon name="more" />
      </button>
      {anchor.value && (
        <Popover label="Account" role="menu" class="menu" anchor={anchor.value} onClose={close}>
          {THEMES.map(([name, icon, label]) => (
            <button key={name} type="button" role="menuitemradio" aria-checked={theme.value === name}
              onClick={then(() => setTheme(name))}>
              <Icon name={icon} size={18} /><span>{label}</span>
              {theme.value === name && <Icon name="check" size={16} />}
            </button>
          ))}
          <hr />
          <button type="button" role="menuitem" onClick={then(() => void attempt(() => model.startConversation(me)))}>
            <Icon name="note" size={18} />Notes to yourself
          </button>
          <button type="button" role="menuitem" onClick={then(() => void signOut())}>
            <Icon name="leave" size={18} />Sign out
          </button>
        </Popover>
      )}
    </div>
  );
}
