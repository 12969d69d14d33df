/**
 * Draws only those rows of a long list that are near the screen, and keeps what is read in its place.
 *
 * The rows are in normal flow between two paddings that stand for all others. What holds the view is the anchor: the
 * bottom, or a row and how far it is scrolled. Whatever changes (older rows come before, a picture loads, the window
 * turns), the list is scrolled so that the anchor stands where it stood.
 */
import { batch, signal } from "@preact/signals";
import { Offsets } from "./offsets";

type Anchor = "bottom" | { key: string; index: number; below: number };

export interface Rows {
  count: number;
  keyAt: (index: number) => string;
  /** About how high a row will be, in px, before it was ever drawn. */
  estimate: (index: number) => number;
  /** Whether the list is to follow its end, when that is on the screen. */
  follows: boolean;
  /** The first row that was never on the screen, -1 for none: the list follows its end no further than to it. */
  unseen: number;
  /** Called when that row has kept the list from following. */
  overrun: () => void;
}

const DRAWN = 900; // px beyond the screen that are drawn
const SPARE = 300; // px beyond the screen that must be drawn, else others are
const NEAR = 1200; // px of rows beyond the screen below which an end is near
const AT_BOTTOM = 40; // px from the end that still count as the end
const ABOVE_UNSEEN = 48; // px that stay on the screen above the first unseen row

export class VirtualRows {
  /** Raised when other rows are to be drawn. */
  readonly version = signal(0);
  readonly atBottom = signal(true);
  /** Whether an end of the list is so near that more should be asked for. */
  readonly nearTop = signal(false);
  readonly nearEnd = signal(false);
  /** The last row of which something is on the screen. */
  readonly lastVisible = signal(-1);
  /** The drawn rows: from `first` up to, without, `last`. */
  first = 0;
  last = 0;

  #rows: Rows = { count: 0, keyAt: () => "", estimate: () => 0, follows: true, unseen: -1, overrun: () => undefined };
  #offsets = new Offsets();
  #anchor: Anchor = "bottom";
  #toEnd = false; // whether somebody asked for the end, past what they have not seen
  #scroller: HTMLElement | null = null;
  #list: HTMLElement | null = null;
  #base = 0; // px of what stands above the rows
  #viewport = 800;
  #set: number | null = null; // the scrollTop that was set here, if nobody scrolled since: its event tells nothing new

  /** `list` holds the rows and nothing else; what holds it, and the scroller, are watched for changes of size. */
  attach(scroller: HTMLElement, list: HTMLElement): () => void {
    this.#scroller = scroller;
    this.#list = list;
    const observer = new ResizeObserver(() => this.settle());
    observer.observe(scroller);
    if (list.parentElement) observer.observe(list.parentElement);
    const onScroll = () => this.#scrolled();
    scroller.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener("scroll", onScroll);
    };
  }

  /** Call while rendering, then draw the rows from `first` to `last`. */
  setRows(rows: Rows): void {
    this.#rows = rows;
    this.#offsets.setRows(rows.count, rows.keyAt, rows.estimate);
    if (this.#anchor !== "bottom") this.#find(this.#anchor);
    if (rows.unseen < 0) this.#toEnd = false;
    [this.first, this.last] = this.#range();
  }

  /** Call after the rows were drawn: measures them and puts the anchor back where it stood. */
  settle(): void {
    const scroller = this.#scroller;
    const list = this.#list;
    if (!scroller || !list || scroller.clientHeight === 0) return;
    const drawn = list.children;
    for (let i = 0; i < drawn.length; i++) {
      const height = drawn[i]?.getBoundingClientRect().height ?? 0;
      this.#offsets.measure(this.first + i, this.#rows.keyAt(this.first + i), height);
    }
    list.style.paddingTop = `${this.#offsets.top(this.first)}px`;
    list.style.paddingBottom = `${this.#offsets.top(this.#rows.count) - this.#offsets.top(this.last)}px`;
    this.#base = list.offsetTop;
    this.#viewport = scroller.clientHeight;
    const held = this.#holdUnseen();
    const wanted = this.#anchor === "bottom" ? scroller.scrollHeight - this.#viewport : this.#wantedTop();
    if (Math.abs(scroller.scrollTop - wanted) >= 1) scroller.scrollTop = wanted;
    this.#set = scroller.scrollTop;
    const covered = this.#drawOthers();
    // An anchor that could not be reached, so near the end, would pull the list there once there is more.
    if (covered && Math.abs(this.#set - wanted) > 1) this.#anchorHere();
    this.#note();
    if (held) this.#rows.overrun();
  }

  /** Scrolls so that a row stands `below` px under the top of the screen. */
  show(index: number, below: number): void {
    this.#anchor = { key: this.#rows.keyAt(index), index, below: -below };
    this.version.value++;
  }

  /** Scrolls as little as is needed to have a whole row on the screen. */
  reveal(index: number): void {
    const top = this.#offsets.top(index);
    const height = this.#offsets.top(index + 1) - top;
    const seen = this.scrollTop - this.#base;
    const room = this.#viewport - height - 8;
    if (top < seen + 8) this.show(index, 8);
    else if (top > seen + room) this.show(index, Math.max(8, room));
  }

  showEnd(): void {
    this.#anchor = "bottom";
    this.#toEnd = true;
    this.version.value++;
  }

  get scrollTop(): number {
    return this.#scroller?.scrollTop ?? 0;
  }

  /** Stops following the end at the first row that would leave the screen unseen; answers whether it did. */
  #holdUnseen(): boolean {
    const { unseen, keyAt } = this.#rows;
    if (this.#anchor !== "bottom" || this.#toEnd || unseen < 0) return false;
    const top = this.#base + this.#offsets.top(unseen) - ABOVE_UNSEEN;
    if (this.#wantedTop() <= top) return false;
    this.#anchor = { key: keyAt(unseen), index: unseen, below: -ABOVE_UNSEEN };
    return true;
  }

  /** The rows to draw around the anchor. */
  #range(): [first: number, last: number] {
    // No further than the list can be scrolled: there the anchor cannot be reached.
    const end = this.#offsets.top(this.#rows.count) - this.#viewport;
    const top = Math.max(0, Math.min(this.#wantedTop() - this.#base, end));
    const last = this.#rows.count ? this.#offsets.at(top + this.#viewport + DRAWN) + 1 : 0;
    return [this.#offsets.at(top - DRAWN), last];
  }

  #wantedTop(): number {
    const anchor = this.#anchor;
    if (anchor === "bottom") return this.#base + this.#offsets.top(this.#rows.count) - this.#viewport;
    return this.#base + this.#offsets.top(anchor.index) + anchor.below;
  }

  /** Finds the anchor's row again; when it is gone, the row that is in its place now holds the view. */
  #find(anchor: Exclude<Anchor, "bottom">): void {
    const { count, keyAt } = this.#rows;
    if (anchor.index < count && keyAt(anchor.index) === anchor.key) return;
    for (let i = 0; i < count; i++) {
      if (keyAt(i) === anchor.key) {
        anchor.index = i;
        return;
      }
    }
    anchor.index = Math.min(anchor.index, Math.max(0, count - 1));
    anchor.key = count ? keyAt(anchor.index) : "";
  }

  #scrolled(): void {
    if (this.#set === null || Math.abs(this.scrollTop - this.#set) >= 1) {
      this.#set = null;
      this.#toEnd = false;
      this.#anchorHere();
      this.#drawOthers();
    }
    this.#note();
  }

  #anchorHere(): void {
    if (this.#rows.count === 0 || (this.#rows.follows && this.#atEnd())) {
      this.#anchor = "bottom";
      return;
    }
    const top = this.scrollTop - this.#base;
    const index = this.#offsets.at(top);
    this.#anchor = { key: this.#rows.keyAt(index), index, below: top - this.#offsets.top(index) };
  }

  /** Asks for other rows when the drawn ones hardly reach beyond the screen; tells whether they did. */
  #drawOthers(): boolean {
    const top = this.scrollTop - this.#base;
    const above = this.first === 0 || this.#offsets.top(this.first) <= top - SPARE;
    const below = this.last === this.#rows.count || this.#offsets.top(this.last) >= top + this.#viewport + SPARE;
    if (above && below) return true;
    const [first, last] = this.#range();
    if (first === this.first && last === this.last) return true;
    this.version.value++;
    return false;
  }

  #atEnd(): boolean {
    const scroller = this.#scroller;
    return scroller === null || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight <= AT_BOTTOM;
  }

  #note(): void {
    const top = this.scrollTop - this.#base;
    batch(() => {
      this.atBottom.value = this.#atEnd();
      this.nearTop.value = top < NEAR;
      this.nearEnd.value = this.#offsets.top(this.#rows.count) - top - this.#viewport < NEAR;
      this.lastVisible.value = this.#rows.count ? this.#offsets.at(top + this.#viewport - 8) : -1;
    });
  }
}
