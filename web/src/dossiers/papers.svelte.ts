/** Papers that are being given: photographed, chosen, or taken again from the store; each is sent as soon as it is there. */
import type { Schemas } from "../api/client";
import { upload } from "../offline/queue.svelte";

export interface Given {
  /** The paper's code in the procedure. */
  readonly paper: string;
  readonly id: string;
  readonly from: "upload" | "store";
  readonly name: string;
  /** What is to be sent, while it is not there. */
  readonly blob: Blob | null;
  state: "sending" | "there" | "failed";
  trouble: unknown;
}

export class GivenPapers {
  given = $state<Given[]>([]);
  sending = $derived(this.given.some((one) => one.state === "sending"));
  failed = $derived(this.given.some((one) => one.state === "failed"));

  of(paper: string): Given[] {
    return this.given.filter((one) => one.paper === paper);
  }

  /** A file of this phone's; it goes to the city at once. */
  async add(paper: string, file: File): Promise<void> {
    const id = crypto.randomUUID();
    this.given.push({ paper, id, from: "upload", name: file.name, blob: file, state: "sending", trouble: null });
    await this.send(id);
  }

  reuse(paper: string, stored: { readonly id: string; readonly name: string }): void {
    this.given.push({
      paper,
      id: stored.id,
      from: "store",
      name: stored.name,
      blob: null,
      state: "there",
      trouble: null,
    });
  }

  /** Send a file, or send it again: the same id is the same upload. */
  async send(id: string): Promise<void> {
    const one = this.given.find((other) => other.id === id);
    if (!one?.blob) return;
    one.state = "sending";
    one.trouble = null;
    try {
      await upload(id, one.blob, "paper");
      one.state = "there";
    } catch (trouble) {
      one.state = "failed";
      one.trouble = trouble;
    }
  }

  takeOut(id: string): void {
    this.given = this.given.filter((one) => one.id !== id);
  }

  /** As the city wants them; what has not arrived is left out. */
  toSend(wanted: (paper: string) => boolean = () => true): Schemas["GivePaper"][] {
    return this.given
      .filter((one) => one.state === "there" && wanted(one.paper))
      .map((one) =>
        one.from === "upload"
          ? { paper: one.paper, upload_id: one.id }
          : { paper: one.paper, stored_paper_id: one.id },
      );
  }
}
