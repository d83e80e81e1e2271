/** Pictures that go along with a few words: each is sent once, also when the words must be sent again. */
import { upload } from "../offline/upload";
import { prepared, type Chosen } from "./photographs";

export class Bundle {
  readonly #sent = new Set<string>();

  /** Sends what has not been sent, and returns the uploads' ids. Raises Problem, Unreachable. */
  async send(chosen: readonly Chosen[]): Promise<string[]> {
    for (const { id, file, kind } of chosen) {
      if (this.#sent.has(id)) continue;
      await upload(id, kind === "photo" ? await prepared(file, false) : file, kind);
      this.#sent.add(id);
    }
    return chosen.map((one) => one.id);
  }
}
