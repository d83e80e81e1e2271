/** What this phone keeps: the last answers of the city, and what waits to be sent (IndexedDB). */
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import { onSignOut } from "../api/session.svelte";

export interface Outgoing {
  /** Made here; the city does the thing once, however often it is sent. */
  readonly id: string;
  /** Whose it is: only the same resident sees and sends it, whoever else signs in here between. */
  readonly owner: string;
  readonly kind: "report" | "complaint" | "comment" | "payment";
  /** What the list of waiting things says. */
  readonly title: string;
  readonly body: unknown;
  readonly photographs: readonly Photograph[];
  readonly madeAt: string;
  state: "waiting" | "refused" | "sent";
  /** Why the city refused it, in both languages' own words. */
  reason?: string;
  /** What is needed before it can be sent: the PIN, another proof. */
  needs?: string;
}

export interface Photograph {
  readonly uploadId: string;
  readonly blob: Blob;
  /** What the city takes it as; a photograph, if it does not say. */
  readonly purpose?: "photo" | "video";
  sent: boolean;
}

interface Kept extends DBSchema {
  answers: { key: string; value: { key: string; data: unknown; keptAt: number } };
  outgoing: { key: string; value: Outgoing };
  drafts: { key: string; value: { key: string; data: unknown; keptAt: number } };
}

let opened: Promise<IDBPDatabase<Kept>> | null = null;

export function kept(): Promise<IDBPDatabase<Kept>> {
  opened ??= openDB<Kept>("huong", 1, {
    upgrade(db) {
      db.createObjectStore("answers", { keyPath: "key" });
      db.createObjectStore("outgoing", { keyPath: "id" });
      db.createObjectStore("drafts", { keyPath: "key" });
    },
    terminated() {
      opened = null;
    },
  });
  return opened;
}

export async function lastAnswer<T>(key: string): Promise<T | undefined> {
  try {
    return (await (await kept()).get("answers", key))?.data as T | undefined;
  } catch {
    return undefined; // a browser without storage still works with a network
  }
}

export async function keepAnswer(key: string, data: unknown): Promise<void> {
  try {
    await (await kept()).put("answers", { key, data, keptAt: Date.now() });
  } catch {
    // the phone is full or private: the next time asks the city
  }
}

/** Words somebody began; they survive a closed tab. */
export async function draft<T>(key: string): Promise<T | undefined> {
  return (await (await kept()).get("drafts", key))?.data as T | undefined;
}

export async function keepDraft(key: string, data: unknown): Promise<void> {
  await (await kept()).put("drafts", { key, data, keptAt: Date.now() });
}

export async function dropDraft(key: string): Promise<void> {
  await (await kept()).delete("drafts", key);
}

onSignOut(async () => {
  const db = await kept();
  await Promise.all([db.clear("answers"), db.clear("drafts")]); // what waits to be sent stays its owner's
});
