/** What comes in at a shop, told apart: what is new, what is today's. */
import { api, answer, type Schemas } from "../api/client";
import { day } from "../time";

export type Taking = Schemas["Taking"];

const PAGE = 100;
const MOST_PAGES = 10;

/** A page of a shop's lines, the newest first. */
export function page(merchant_id: string, cursor: string | null): Promise<Schemas["TakingPage"]> {
  return answer(
    api.GET("/v1/merchants/{merchant_id}/takings", {
      params: { path: { merchant_id }, query: { limit: PAGE, ...(cursor === null ? {} : { cursor }) } },
    }),
  );
}

/** The newest lines of a shop: all of today's (a thousand at most), and a page at least. */
export async function latest(merchant_id: string): Promise<Schemas["TakingPage"]> {
  const lines: Taking[] = [];
  let next: string | null = null;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const got: Schemas["TakingPage"] = await page(merchant_id, next);
    lines.push(...got.items);
    next = got.next;
    const oldest = lines.at(-1);
    if (next === null || !oldest || !isOn(oldest, new Date())) break;
  }
  return { items: lines, next };
}

/** One line of a shop, looked for from the newest on; null: not among the last thousand. */
export async function find(merchant_id: string, taking_id: string): Promise<Taking | null> {
  let next: string | null = null;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const got: Schemas["TakingPage"] = await page(merchant_id, next);
    const found = got.items.find((line) => line.id === taking_id);
    if (found || got.next === null) return found ?? null;
    next = got.next;
  }
  return null;
}

function isOn(taking: Taking, date: Date): boolean {
  return day(taking.made_at) === day(date);
}

export interface Day {
  /** What came in, whole đồng, and in how many payments. */
  taken: number;
  count: number;
  /** What was given back of it or of earlier days', as a number above zero. */
  refunded: number;
}

/** What came in on a day. */
export function dayOf(lines: readonly Taking[], date: Date): Day {
  const sum: Day = { taken: 0, count: 0, refunded: 0 };
  for (const taking of lines) {
    if (!isOn(taking, date)) continue;
    if (taking.amount > 0) {
      sum.taken += taking.amount;
      sum.count += 1;
    } else sum.refunded -= taking.amount;
  }
  return sum;
}

/**
 * Lines by their id, the newest first, however often and by whichever way each came (a page, the live line, again
 * after a cut). What was there at the first look is known; what comes later is new, once.
 */
export class Lines {
  readonly #known = new Map<string, Taking>();
  #looked = false;

  /** All lines there are now, from a page. Answers those that are new since the first page, the oldest first. */
  page(lines: readonly Taking[]): Taking[] {
    const fresh = this.#add(lines);
    const first = !this.#looked;
    this.#looked = true;
    return first ? [] : fresh;
  }

  /** Lines from before those of a page: nothing of them is new. */
  older(lines: readonly Taking[]): void {
    this.#add(lines);
  }

  /** A line as it came, live. Answers it unless it was known. */
  live(taking: Taking): Taking[] {
    return this.#add([taking]);
  }

  get newestFirst(): Taking[] {
    return [...this.#known.values()].sort((a, b) => (a.made_at < b.made_at ? 1 : a.made_at > b.made_at ? -1 : 0));
  }

  #add(lines: readonly Taking[]): Taking[] {
    const fresh = lines.filter((line) => !this.#known.has(line.id));
    for (const line of fresh) this.#known.set(line.id, line);
    return fresh.sort((a, b) => (a.made_at < b.made_at ? -1 : 1));
  }
}
