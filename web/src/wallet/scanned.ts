/** What a scanned or typed text is, before the city is asked: a paper of this city, a code for a till, or a QR to pay. */

export type Scanned =
  | { kind: "inside"; path: string }
  | { kind: "elsewhere"; host: string }
  | { kind: "pay_code" }
  | { kind: "qr"; text: string };

/** Papers of this city carry links to check a receipt (/r/), a result (/v/), a dossier (/d/), or to pay a bill (/pay/). */
export function whatIs(text: string, origin: string): Scanned {
  const clean = text.trim();
  if (/^28\d{16}$/u.test(clean.replace(/\s/gu, ""))) return { kind: "pay_code" };
  if (!/^https?:\/\//iu.test(clean)) return { kind: "qr", text: clean };
  let address: URL;
  try {
    address = new URL(clean);
  } catch {
    return { kind: "qr", text: clean };
  }
  if (address.origin === origin) return { kind: "inside", path: address.pathname + address.search };
  // Other wallets' codes are links too: the city knows which, and says so better.
  return /(^|\.)(momo\.vn|zalopay\.vn|zalopay\.com\.vn)$/u.test(address.hostname)
    ? { kind: "qr", text: clean }
    : { kind: "elsewhere", host: address.host };
}
