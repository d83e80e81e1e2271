/** A list that comes page by page: the first one as any screen's data, what follows on asking. */
import { Asked } from "./asked.svelte";

interface Page<T> {
  readonly items: T[];
  readonly next: string | null;
}

export class Pages<T> {
  readonly first: Asked<Page<T>>;
  items = $derived.by(() => [...(this.first.data?.items ?? []), ...this.rest]);
  busy = $state(false);
  trouble = $state.raw<unknown>(null);

  private rest = $state.raw<T[]>([]);
  /** Where the last page but the first ended; undefined while there is only the first. */
  private cursor = $state<string | null | undefined>(undefined);
  private following = $derived.by(() => (this.cursor === undefined ? (this.first.data?.next ?? null) : this.cursor));
  /** There is more to ask for. */
  more = $derived.by(() => this.following !== null);

  readonly #ask: (cursor: string | null) => Promise<Page<T>>;

  /** `key` as in Asked: under what the first page is kept on the phone. */
  constructor(key: string | null, ask: (cursor: string | null) => Promise<Page<T>>) {
    this.#ask = ask;
    this.first = new Asked(key, () => ask(null));
  }

  /** From the beginning: something was added, taken out, or is looked for. */
  async again(): Promise<void> {
    await this.first.again();
    this.rest = [];
    this.cursor = undefined;
  }

  async next(): Promise<void> {
    if (this.busy || !this.more) return;
    this.busy = true;
    this.trouble = null;
    const first = this.first.data;
    try {
      const page = await this.#ask(this.following);
      if (this.first.data !== first) return; // another list meanwhile
      this.rest = [...this.rest, ...page.items];
      this.cursor = page.next;
    } catch (trouble) {
      this.trouble = trouble;
    } finally {
      this.busy = false;
    }
  }
}
