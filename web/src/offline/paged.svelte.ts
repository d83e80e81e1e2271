/** A long list: its first page as `Asked`, the further ones as they are wanted. */
import { Asked } from "./asked.svelte";

interface Page<T> {
  items: T[];
  next: string | null;
}

export class Paged<T> {
  readonly first: Asked<Page<T>>;
  more = $state.raw<T[]>([]);
  busy = $state(false);
  trouble = $state.raw<unknown>(null);
  #next = $state.raw<string | null | undefined>(undefined);
  readonly #ask: (cursor: string | undefined) => Promise<Page<T>>;

  readonly items = $derived.by((): T[] => [...(this.first.data?.items ?? []), ...this.more]);
  readonly next = $derived.by((): string | null =>
    this.#next === undefined ? (this.first.data?.next ?? null) : this.#next,
  );

  constructor(key: string | null, ask: (cursor: string | undefined) => Promise<Page<T>>) {
    this.#ask = ask;
    this.first = new Asked(key, () => ask(undefined));
  }

  /** Begin anew at the first page. */
  async again(): Promise<void> {
    await this.first.again();
    this.more = [];
    this.#next = undefined;
  }

  async further(): Promise<void> {
    const cursor = this.next;
    if (cursor === null || this.busy || this.first.stale) return;
    this.busy = true;
    this.trouble = null;
    try {
      const page = await this.#ask(cursor);
      this.more = [...this.more, ...page.items];
      this.#next = page.next;
    } catch (trouble) {
      this.trouble = trouble;
    } finally {
      this.busy = false;
    }
  }
}
