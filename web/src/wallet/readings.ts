/** What the city says of a QR; the one just read is not asked for again by the next screen. */
import { api, answer, type Schemas } from "../api/client";

let latest: { text: string; reading: Schemas["QrReading"]; atMs: number } | null = null;
const FRESH_MS = 30_000;

/** Raises Problem, Unreachable. */
export async function readQr(text: string): Promise<Schemas["QrReading"]> {
  if (latest?.text === text && Date.now() - latest.atMs < FRESH_MS) return latest.reading;
  const reading = await answer(api.POST("/v1/wallet/qr-readings", { body: { text } }));
  latest = { text, reading, atMs: Date.now() };
  return reading;
}
