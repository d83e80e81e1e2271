/** A screen's data: what was kept at once, then what the city says now; without a network the kept stays. */
import { onDestroy } from "svelte";
import { Unreachable } from "../api/problem";
import { keepAnswer, lastAnswer } from "./kept";

export class Asked<T> {
  data = $state.raw<T | null>(null);
  trouble = $state.raw<unknown>(null);
  loading = $state(true);
  /** The data are from an earlier time, and the city did not answer now. */
  stale = $state(false);

  readonly #key: string | null;
  readonly #ask: () => Promise<T>;

  /** `key` null: nothing is kept on the phone (what is private to a moment, or public to nobody). */
  constructor(key: string | null, ask: () => Promise<T>) {
    this.#key = key;
    this.#ask = ask;
    void this.again();
  }

  async again(): Promise<void> {
    this.loading = true;
    if (this.#key !== null && this.data === null) {
      const last = await lastAnswer<T>(this.#key);
      if (last !== undefined && this.data === null) this.data = last;
    }
    try {
      this.data = await this.#ask();
      this.trouble = null;
      this.stale = false;
      if (this.#key !== null) await keepAnswer(this.#key, this.data);
    } catch (trouble) {
      this.stale = this.data !== null && trouble instanceof Unreachable;
      this.trouble = trouble;
    } finally {
      this.loading = false;
    }
  }

  /** Ask again every `seconds` while the screen is looked at. Call it while the component is made. */
  every(seconds: number): this {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void this.again();
    }, seconds * 1000);
    onDestroy(() => clearInterval(timer));
    return this;
  }
}

/** Something that is done at a touch: once at a time, its trouble kept for the screen. */
export class Deed {
  busy = $state(false);
  trouble = $state.raw<unknown>(null);

  /** Runs `doing` unless it runs already; true if it went well. */
  async run(doing: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.trouble = null;
    try {
      await doing();
      return true;
    } catch (trouble) {
      this.trouble = trouble;
      return false;
    } finally {
      this.busy = false;
    }
  }
}
