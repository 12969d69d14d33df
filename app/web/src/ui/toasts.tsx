import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { inWords, type Message } from "../client";
import { model, type Notice } from "../model";
import { IconButton } from "./controls";
import { goTo } from "./go-to";
import { Icon } from "./icons";

const SHOWN_MS = 7_000;

/** Those of the interface itself; their ids are below zero, so that they never meet one of the model's. */
const own = signal<readonly Notice[]>([]);
let last = 0;

export function tell(text: string, kind: Notice["kind"] = "info", message: Message | null = null): void {
  own.value = [...own.value, { id: --last, kind, text, message }];
}

/** Asks something in passing: what is pressed is done. */
export function offer(text: string, actions: NonNullable<Notice["actions"]>): void {
  own.value = [...own.value, { id: --last, kind: "info", text, message: null, actions }];
}

/** Runs an action of the page; what goes wrong is told in words. Answers whether it came about. */
export async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    tell(inWords(error), "error");
    return false;
  }
}

function dismiss(id: number): void {
  if (id > 0) model.dismissNotice(id);
  else own.value = own.value.filter((notice) => notice.id !== id);
}

function Toast({ notice }: { notice: Notice }) {
  const { id, kind, text, message, actions = [] } = notice;
  useEffect(() => {
    const timer = setTimeout(() => dismiss(id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [id, text]);
  const show = () => {
    dismiss(id);
    if (message) void attempt(() => goTo(message));
  };
  return (
    <div class="toast" role={kind === "error" ? "alert" : "status"}>
      {kind === "error" && <Icon name="warning" />}
      <span>{text}</span>
      {actions.map(({ name, run }) => (
        <button key={name} type="button" class="toast-action" onClick={() => { dismiss(id); run(); }}>{name}</button>
      ))}
      {message && <button type="button" class="toast-action" onClick={show}>Show</button>}
      <IconButton icon="close" label="Dismiss" size={18} onClick={() => dismiss(id)} />
    </div>
  );
}

export function Toasts() {
  const notices = [...model.notices.value, ...own.value];
  return (
    <div class="toasts" role="region" aria-label="Notifications">
      {notices.map((notice) => <Toast key={notice.id} notice={notice} />)}
    </div>
  );
}
