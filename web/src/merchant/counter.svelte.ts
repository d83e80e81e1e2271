/** A shop's counter: what came in so far, and what comes in while somebody looks. Made while a component is made. */
import { onDestroy } from "svelte";
import { isProblem } from "../api/problem";
import { listen } from "../api/stream";
import { Asked, Deed } from "../offline/asked.svelte";
import { dayOf, latest, Lines, page, type Taking } from "./takings";

export class Counter {
  /** The lines, the newest first. */
  readonly takings: Asked<Taking[]>;
  /** The live line: `open`, nothing is missed; `cut`, it is coming back; `barred`, the city says no. */
  line = $state<"opening" | "open" | "cut" | "barred">("opening");
  today = $derived.by(() => dayOf(this.takings.data ?? [], new Date()));
  /** There are older lines, from here on. */
  next = $state<string | null>();
  readonly older = new Deed();
  readonly #merchant_id: string;
  readonly #lines = new Lines();
  readonly #tell: (fresh: Taking[]) => void;

  /** `tell` hears of each line once, the oldest first, whichever way it came; not of what was there before. */
  constructor(merchant_id: string, tell: (fresh: Taking[]) => void = () => undefined) {
    this.#merchant_id = merchant_id;
    this.#tell = tell;
    this.takings = new Asked(`takings ${merchant_id}`, async () => {
      const { items, next } = await latest(merchant_id);
      if (this.next === undefined) this.next = next;
      const fresh = this.#lines.page(items);
      if (fresh.length > 0) this.#tell(fresh);
      return this.#lines.newestFirst;
    });
    onDestroy(
      listen(`/v1/merchants/${merchant_id}/takings/stream`, {
        onopen: () => {
          this.line = "open";
          void this.takings.again(); // what came before the line was open, the first time or between two lines
        },
        onevent: (event, data) => {
          if (event === "taking") this.#hear(JSON.parse(data) as Taking);
          else if (event === "reset") void this.takings.again();
        },
        oncut: (trouble) => {
          this.line = isProblem(trouble) && trouble.status < 500 && trouble.status !== 429 ? "barred" : "cut";
        },
      }),
    );
  }

  /** Ask for older lines. */
  async back(): Promise<void> {
    const from = this.next;
    if (from === null || from === undefined) return;
    await this.older.run(async () => {
      const { items, next } = await page(this.#merchant_id, from);
      this.#lines.older(items);
      this.next = next;
      this.takings.data = this.#lines.newestFirst;
    });
  }

  #hear(taking: Taking): void {
    const fresh = this.#lines.live(taking);
    if (fresh.length === 0) return;
    this.takings.data = this.#lines.newestFirst;
    this.#tell(fresh);
  }
}
