/** Files on their way to the city, under ids that this phone makes: small ones at once, others bit by bit (tus 1.0.0). */
import { api, answer, problemOf, send, type Schemas } from "../api/client";
import { isProblem } from "../api/problem";

/** What fits into one request even over a poor network. */
export const AT_ONCE = 1_000_000;
/** A cut costs no more than what a part had left: the city keeps the bytes that came. */
const PART = 512 * 1024;
const PATIENCE_MS = 120_000;
const MOST_STUMBLES = 5;
const VERSION = { "tus-resumable": "1.0.0" };

/** Send a file; the same id with the same bytes is the same upload. `progress`: from 0 to 1. */
export async function upload(
  id: string,
  blob: Blob,
  purpose = "photo",
  progress: (part: number) => void = () => undefined,
): Promise<Schemas["Upload"]> {
  progress(0);
  const made = blob.size <= AT_ONCE ? await atOnce(id, blob, purpose) : await bitByBit(id, blob, purpose, progress);
  progress(1);
  return made;
}

async function atOnce(id: string, blob: Blob, purpose: string): Promise<Schemas["Upload"]> {
  const response = await taken(
    `/v1/uploads/${id}?purpose=${purpose}`,
    { method: "PUT", body: blob, headers: { "content-type": "application/octet-stream" } },
    PATIENCE_MS,
  );
  return (await response.json()) as Schemas["Upload"];
}

async function bitByBit(
  id: string,
  blob: Blob,
  purpose: string,
  progress: (part: number) => void,
): Promise<Schemas["Upload"]> {
  let here = (await received(id)) ?? (await begin(id, blob, purpose));
  let stumbles = 0;
  while (here < blob.size) {
    progress(here / blob.size);
    try {
      const response = await taken(
        `/v1/uploads/tus/${id}`,
        {
          method: "PATCH",
          body: blob.slice(here, here + PART),
          headers: { ...VERSION, "content-type": "application/offset+octet-stream", "upload-offset": String(here) },
        },
        PATIENCE_MS,
      );
      here = offsetOf(response);
    } catch (trouble) {
      if (!isProblem(trouble, "OffsetConflict") || ++stumbles > MOST_STUMBLES) throw trouble;
      here = (await received(id)) ?? 0;
    }
  }
  return answer(api.GET("/v1/uploads/{upload_id}", { params: { path: { upload_id: id } } }));
}

/** How much of it the city has; null: it knows of none. */
async function received(id: string): Promise<number | null> {
  const response = await send(new Request(address(`/v1/uploads/tus/${id}`), { method: "HEAD", headers: VERSION }));
  if (response.status === 404) return null;
  if (!response.ok) throw problemOf(response, null);
  return offsetOf(response);
}

async function begin(id: string, blob: Blob, purpose: string): Promise<number> {
  const said = `purpose ${btoa(purpose)},upload_id ${btoa(id)}`;
  const response = await taken("/v1/uploads/tus", {
    method: "POST",
    headers: { ...VERSION, "upload-length": String(blob.size), "upload-metadata": said },
  });
  return offsetOf(response);
}

function offsetOf(response: Response): number {
  return Number(response.headers.get("upload-offset"));
}

async function taken(path: string, init: RequestInit, patienceMs?: number): Promise<Response> {
  const response = await send(new Request(address(path), init), patienceMs);
  if (!response.ok) throw problemOf(response, await response.json().catch(() => null));
  return response;
}

function address(path: string): URL {
  return new URL(path, location.origin);
}
