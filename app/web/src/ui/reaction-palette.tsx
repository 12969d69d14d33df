/** The reactions to choose from: those on offer, and all emojis with a search, which are loaded when they are asked for. */

import { signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { model } from "../model";
import { PALETTE } from "./emoji";
import { narrow } from "./media";
import { Popover } from "./popover";
import { reacting } from "./room-state";
import { SearchField } from "./search-field";
import { setSkinTone, skinTone } from "./skin-tone";
import { toned, TONES } from "./toned";
import { attempt, tell } from "./toasts";

const EDGE = 8; // px to the edge of the window

const data = signal<typeof import("./emoji-data") | null>(null);

interface EmojiProps {
  kind: string;
  name: string;
  mine: boolean;
  choose: (kind: string) => void;
}

function EmojiButton({ kind, name, mine, choose }: EmojiProps) {
  return (
    <button type="button" aria-label={name} title={name} aria-pressed={mine} onClick={() => choose(kind)}>{kind}</button>
  );
}

function SkinTones() {
  return (
    <div class="skin-tones" role="group" aria-label="Skin tone">
      {TONES.map(([tone, name]) => (
        <button key={tone} type="button" aria-label={name} title={name} aria-pressed={skinTone.value === tone}
          onClick={() => setSkinTone(tone)}>{toned("✋", tone)}</button>
      ))}
    </div>
  );
}

/** The palette of reactions, for the message that `reacting` names. */
export function ReactionPalette() {
  const query = useSignal("");
  const wanted = useSignal(false);
  const list = useRef<HTMLDivElement>(null);
  const groups = useComputed(() => (wanted.value ? data.value?.find(query.value) : null) ?? null);

  useEffect(() => {
    if (!wanted.value || data.peek()) return;
    import("./emoji-data").then((loaded) => { data.value = loaded; }, (error: unknown) => {
      console.info("The emojis cannot be loaded:", error);
      tell("The emojis cannot be loaded now. Try again, or load the page anew.", "error");
      wanted.value = false;
    });
  }, [wanted.value]);
  const shown = groups.value !== null;
  useEffect(() => {
    const popover = list.current?.closest<HTMLElement>("[popover]"); // it has grown: back into the window
    if (!popover || narrow.peek()) return; // at the bottom of a narrow screen it stays there
    const { top, height } = popover.getBoundingClientRect();
    popover.style.top = `${Math.max(EDGE, Math.min(top, innerHeight - height - EDGE))}px`;
  }, [shown]);

  if (!reacting.value) return null;
  const { message, anchor } = reacting.value;
  const me = model.me.value?.id ?? "";
  const mine = new Set(message.reactions.filter((one) => one.userIds.includes(me)).map((one) => one.kind));
  const close = () => (reacting.value = null);
  const choose = (kind: string) => {
    close();
    void attempt(() => mine.has(kind) ? model.unreact(message.id, kind) : model.react(message.id, kind));
  };
  const search = (text: string) => {
    query.value = text;
    wanted.value = true;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const first = query.value && groups.value?.[0]?.emojis[0];
    if (event.key === "Enter" && first) choose(shownAs(first));
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") event.stopPropagation(); // within the field
  };
  const shownAs = ({ kind, tones }: { kind: string; tones?: boolean }) => toned(kind, tones ? skinTone.value : "");
  const button = (emoji: { kind: string; name: string; tones?: boolean }) => {
    const kind = shownAs(emoji);
    return <EmojiButton key={emoji.kind} kind={kind} name={emoji.name} mine={mine.has(kind)} choose={choose} />;
  };
  return (
    <Popover label="Choose a reaction" role="dialog" class="emoji-picker" anchor={anchor} onClose={close}>
      <div onKeyDown={onKeyDown}>
        <SearchField label="Search emojis" placeholder="Search emojis" value={query.value} onInput={search} />
      </div>
      {!query.value && <div class="emoji-grid">{PALETTE.map(([kind, name, tones = false]) => button({ kind, name, tones }))}</div>}
      {groups.value ? (
        <div ref={list} class="emoji-list">
          {groups.value.map(({ name, emojis }) => (
            <section key={name} aria-label={name}>
              <h3>{name}</h3>
              <div class="emoji-grid">{emojis.map(button)}</div>
            </section>
          ))}
          {groups.value.length === 0 && <p class="hint" role="status">No emoji is called that.</p>}
        </div>
      ) : wanted.value ? <p class="hint" role="status">Loading…</p> : (
        <button type="button" class="button small quiet wide" onClick={() => (wanted.value = true)}>All emojis</button>
      )}
      {wanted.value && <SkinTones />}
    </Popover>
  );
}
