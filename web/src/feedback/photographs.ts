/** Photographs and short videos, from the phone to what is sent. */
import type { Photograph } from "../offline/kept";
import type { Spot } from "./places";

/** A picture as it was chosen: untouched until it is known what the report is about. */
export interface Chosen {
  readonly id: string;
  readonly file: Blob;
  readonly kind: "photo" | "video";
  /** Where and when it was taken, if it says so itself. */
  readonly spot: Spot | null;
  readonly takenAt: string | null;
}

export const MOST_PICTURES = 6;
export const LONGEST_SIDE = 2048;
const MOST_BYTES = { photo: 15_000_000, video: 50_000_000 } as const;
const FINE_AS_IT_IS = 400_000;
const QUALITY = 0.85;

export async function choose(file: Blob): Promise<Chosen> {
  const kind = file.type.startsWith("video/") ? "video" : "photo";
  const said = kind === "photo" ? await whereAndWhen(file) : { spot: null, takenAt: null };
  return { id: crypto.randomUUID(), file, kind, ...said };
}

/** What the file is too large for, before it is sent in vain. */
export function isTooLarge(chosen: Pick<Chosen, "file" | "kind">, evidence: boolean): boolean {
  const shrinks = chosen.kind === "photo" && !evidence;
  return !shrinks && chosen.file.size > MOST_BYTES[chosen.kind];
}

/** What goes to the city, under ids of its own: other bytes are another upload. */
export async function readyToSend(chosen: readonly Chosen[], evidence: boolean): Promise<Photograph[]> {
  const ready: Photograph[] = [];
  for (const one of chosen) {
    const blob = one.kind === "photo" ? await prepared(one.file, evidence) : one.file;
    ready.push({ uploadId: crypto.randomUUID(), blob, purpose: one.kind, sent: false });
  }
  return ready;
}

/** A photograph as it is sent: evidence untouched, others no larger than anybody will see them. */
export async function prepared(file: Blob, evidence: boolean): Promise<Blob> {
  if (evidence) return file;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file; // a kind that this browser cannot open (HEIC): the city can
  }
  try {
    const size = fitted(bitmap.width, bitmap.height);
    if (size === null && file.size <= FINE_AS_IT_IS) return file;
    const smaller = await drawn(bitmap, size ?? bitmap);
    return smaller !== null && smaller.size < file.size ? smaller : file;
  } finally {
    bitmap.close();
  }
}

/** The size that a picture is brought to; null: it is small enough. */
export function fitted(
  width: number,
  height: number,
  longest = LONGEST_SIDE,
): { width: number; height: number } | null {
  const scale = longest / Math.max(width, height);
  if (scale >= 1) return null;
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

async function drawn(bitmap: ImageBitmap, size: { width: number; height: number }): Promise<Blob | null> {
  const canvas = document.createElement("canvas");
  canvas.width = size.width;
  canvas.height = size.height;
  const pen = canvas.getContext("2d");
  if (pen === null) return null;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, size.width, size.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}

async function whereAndWhen(file: Blob): Promise<{ spot: Spot | null; takenAt: string | null }> {
  try {
    const { default: exifr } = await import("exifr");
    const said = (await exifr.parse(file, {
      pick: ["GPSLatitude", "GPSLatitudeRef", "GPSLongitude", "GPSLongitudeRef", "DateTimeOriginal"],
    })) as { latitude?: number; longitude?: number; DateTimeOriginal?: unknown } | undefined;
    const { latitude: lat, longitude: lng, DateTimeOriginal: at } = said ?? {};
    const spot = lat !== undefined && lng !== undefined && Number.isFinite(lat + lng) ? { lat, lng } : null;
    return { spot, takenAt: at instanceof Date ? at.toISOString() : null };
  } catch {
    return { spot: null, takenAt: null }; // nothing that could be read, or its reader did not come: no network
  }
}
