/** Whether the list goes along with what is new: not while somebody reads above. */

/** Scrolled up further than this (px), new messages no longer move the list. */
const AT_END = 48;

export class Following {
  readonly #find: () => HTMLElement | null;
  #atEnd = true;
  #leftAt = 0;
  /** How far it could be scrolled (px) when it was left; -1: it is to be left anew. */
  #length = -1;
  /** What somebody who reads above sees, and how far below the list's upper edge (px). */
  #read: { item: Element; top: number }[] = [];

  /** `find` gives the list that scrolls. */
  constructor(find: () => HTMLElement | null) {
    this.#find = find;
  }

  /** From now on the list is kept at its end, too, when a picture in it or a panel below it opens. */
  watch(): void {
    const list = this.#find();
    const sizes = new ResizeObserver(() => {
      this.look();
      this.drawn();
    });
    for (const part of list === null ? [] : [list, ...list.querySelectorAll("ol")]) sizes.observe(part);
  }

  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** A browser tells of scrolling only with its next frame: whoever reads above may have gone there since. */
  look(): void {
    const list = this.#find();
    // A list that has only become lower or longer since it was left at its end was moved by nobody.
    if (list !== null && list.scrollTop < this.#leftAt && !isAtEnd(list)) this.#atEnd = false;
    this.#read = list === null || this.#atEnd ? [] : itemsIn(list);
  }

  /** Somebody has scrolled; `cut`: the list does not end with the newest. Whether that changes anything. */
  scrolled(cut: boolean): boolean {
    const list = this.#find();
    const atEnd = list !== null && isAtEnd(list) && !cut;
    const changed = atEnd !== this.#atEnd;
    this.#atEnd = atEnd;
    return changed;
  }

  /** The list goes along from now on. */
  begin(): void {
    this.#atEnd = true;
    this.#leftAt = 0;
    this.#length = -1;
  }

  /** Somebody reads above. */
  end(): void {
    this.#atEnd = false;
  }

  /** The list has been drawn again: it is at its end, if it goes along; else what was read stays where it was. */
  drawn(): void {
    const list = this.#find();
    if (list === null) return;
    if (!this.#atEnd) {
      const read = this.#read.find(({ item }) => item.isConnected);
      const moved = read === undefined ? 0 : topIn(list, read.item) - read.top;
      if (moved !== 0) list.scrollTop += moved;
      return;
    }
    const length = list.scrollHeight - list.clientHeight;
    // Who has scrolled up a little presses buttons there: none may move away under the pointer.
    if (length === this.#length) return;
    this.#length = length;
    list.scrollTop = list.scrollHeight;
    this.#leftAt = list.scrollTop;
  }
}

/** The messages in the part of the list that is seen. */
function itemsIn(list: HTMLElement): { item: Element; top: number }[] {
  const items = [...list.querySelectorAll("ol > li[id]")];
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle] as Element;
    if (topIn(list, item) + item.clientHeight <= 0) low = middle + 1;
    else high = middle;
  }
  const seen: { item: Element; top: number }[] = [];
  for (const item of items.slice(low)) {
    const top = topIn(list, item);
    if (top >= list.clientHeight) break;
    seen.push({ item, top });
  }
  return seen;
}

function topIn(list: HTMLElement, item: Element): number {
  return item.getBoundingClientRect().top - list.getBoundingClientRect().top;
}

function isAtEnd(list: HTMLElement): boolean {
  return list.scrollHeight - list.scrollTop - list.clientHeight < AT_END;
}
