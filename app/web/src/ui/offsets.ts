/**
 * Where each row of a long list begins, in px, when only those that were on the screen have been measured.
 *
 * Heights stay known by key, so that rows keep theirs when others come before them. Sums are made again from the
 * first row that changed, and only when they are asked for.
 */
export class Offsets {
  count = 0;
  #measured = new Map<string, number>();
  #heights = new Float64Array(256);
  #tops = new Float64Array(257);
  #summed = 0;
  #first = "";
  #last = "";

  /** The rows as they now are. Rows that were only added at the end cost no more than themselves. */
  setRows(count: number, keyAt: (index: number) => string, estimate: (index: number) => number): void {
    const grown = this.count > 0 && count >= this.count
      && keyAt(0) === this.#first && keyAt(this.count - 1) === this.#last;
    const from = grown ? this.count : 0;
    this.#grow(count);
    for (let i = from; i < count; i++) this.#heights[i] = this.#measured.get(keyAt(i)) ?? estimate(i);
    this.count = count;
    this.#summed = Math.min(this.#summed, from);
    this.#first = count ? keyAt(0) : "";
    this.#last = count ? keyAt(count - 1) : "";
  }

  /** Takes the height that a row was found to have; tells whether it is news. */
  measure(index: number, key: string, height: number): boolean {
    this.#measured.set(key, height);
    if (Math.abs((this.#heights[index] ?? 0) - height) < 0.01) return false;
    this.#heights[index] = height;
    this.#summed = Math.min(this.#summed, index);
    return true;
  }

  /** The top of a row; of `count`, the end of the last. */
  top(index: number): number {
    for (; this.#summed < index; this.#summed++) {
      this.#tops[this.#summed + 1] = (this.#tops[this.#summed] ?? 0) + (this.#heights[this.#summed] ?? 0);
    }
    return this.#tops[index] ?? 0;
  }

  /** The row that holds `y`; the first or the last for what lies outside. */
  at(y: number): number {
    this.top(this.count);
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#tops[middle] ?? 0) <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }

  #grow(count: number): void {
    if (count <= this.#heights.length) return;
    const heights = new Float64Array(count * 2);
    heights.set(this.#heights);
    const tops = new Float64Array(count * 2 + 1);
    tops.set(this.#tops);
    this.#heights = heights;
    this.#tops = tops;
  }
}
