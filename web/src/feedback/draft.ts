/** A report that is being written. It survives a closed tab, and a no of the city: then it is mended here. */
import { draft, dropDraft, keepDraft, kept, type Outgoing } from "../offline/kept";
import type { Schemas } from "../api/client";
import type { Chosen } from "./photographs";
import type { Source, Spot } from "./places";

export interface Draft {
  readonly id: string;
  readonly category: string;
  readonly text: string;
  readonly spot: Spot | null;
  readonly source: Source | null;
  readonly address: string;
  readonly hidden: boolean;
  readonly shareName: boolean;
  readonly urgent: boolean;
}

const WORDS = "report";
// Beside the words, so that a word more does not write megabytes again.
const PICTURES = "report pictures";

export async function keepWords(words: Draft): Promise<void> {
  await keepDraft(WORDS, words).catch(() => undefined); // the phone is full: it is still on the screen
}

export async function keepPictures(chosen: readonly Chosen[]): Promise<void> {
  await keepDraft(PICTURES, chosen).catch(() => undefined);
}

export async function forget(): Promise<void> {
  await Promise.all([dropDraft(WORDS), dropDraft(PICTURES)]);
}

/** What was begun, unless it is on its way already. */
export async function begun(): Promise<(Draft & { chosen: readonly Chosen[] }) | null> {
  const words = await draft<Draft>(WORDS).catch(() => undefined);
  if (!words) return null;
  if ((await (await kept()).getKey("outgoing", words.id)) !== undefined) {
    await forget();
    return null;
  }
  return { ...words, chosen: (await draft<readonly Chosen[]>(PICTURES)) ?? [] };
}

/** What the city refused, as something to be written on; its id is free, for nothing was filed under it. */
export async function mend(item: Outgoing): Promise<void> {
  const said = item.body as Schemas["FileReport"];
  await keepPictures(
    item.photographs.map(({ uploadId, blob, purpose }) => ({
      id: uploadId,
      file: blob,
      kind: purpose ?? "photo",
      spot: null,
      takenAt: null,
    })),
  );
  await keepWords({
    id: crypto.randomUUID(),
    category: said.category,
    text: said.text,
    spot: { lat: said.lat, lng: said.lng },
    source: "map",
    address: said.address ?? "",
    hidden: said.private ?? false,
    shareName: said.share_name ?? false,
    urgent: said.urgent ?? false,
  });
}
