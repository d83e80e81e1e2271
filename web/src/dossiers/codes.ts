/** Codes on receipts and results, typed or read from their QR, which is an address of the city's: /d/…, /v/…. */

/** The code in what was scanned; null: it is no code of this kind. */
export function readCode(text: string, place: "d" | "v"): string | null {
  const trimmed = text.trim();
  const inAddress = /^https?:\/\/[^/\s]+\/([dv])\/([^/?#\s]+)/u.exec(trimmed);
  if (inAddress) return inAddress[1] === place ? unescaped(inAddress[2] ?? "") : null;
  return /^[0-9A-Za-z .-]{8,60}$/u.test(trimmed) ? trimmed : null;
}

function unescaped(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** KQYAPWENP3G7 as people read it out: KQ YAPWE NP3G7. */
export function grouped(code: string): string {
  return code.replace(/^(KQ)(.{5})(.{5})$/u, "$1 $2 $3");
}
