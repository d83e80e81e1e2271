/**
 * This browser's own key (docs/devices.md): made so that nothing can take it out of the browser, and shown with what
 * counts. A token or a cookie that was copied elsewhere then opens nothing there.
 */
import { openDB, type DBSchema } from "idb";

interface Keys extends DBSchema {
  keys: { key: "mine"; value: CryptoKeyPair };
}

/** How far the city's clock is ahead of this phone's. */
let aheadS = 0;

/** Too long to be hashed, or what gives the city the key. */
const UNPROVED = /^\/v1\/(uploads\/|me\/devices\/[^/]+\/key$)/u;

/** Whatever may change something carries a proof: the city looks at it where it wants one. */
export function needsProof(method: string, path: string): boolean {
  return method !== "GET" && method !== "HEAD" && !UNPROVED.test(path);
}

function stored() {
  return openDB<Keys>("huong-device", 1, { upgrade: (db) => void db.createObjectStore("keys") });
}

async function heldKey(): Promise<CryptoKeyPair | undefined> {
  try {
    const db = await stored();
    const key = await db.get("keys", "mine");
    db.close();
    return key;
  } catch {
    return undefined; // a browser without storage goes without a key
  }
}

/** The public half of this browser's key, which is made if there is none yet. */
export async function publicKey(): Promise<{ kty: "EC"; crv: "P-256"; x: string; y: string }> {
  let pair = await heldKey();
  if (!pair) {
    pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const db = await stored();
    await db.put("keys", pair, "mine");
    db.close();
  }
  return jwkOf(pair);
}

async function jwkOf(pair: CryptoKeyPair): Promise<{ kty: "EC"; crv: "P-256"; x: string; y: string }> {
  const { x = "", y = "" } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { kty: "EC", crv: "P-256", x, y };
}

/** A proof for one request (the header `DPoP`); null where this browser has no key. */
export async function proofOf(
  method: string,
  url: string,
  body: BufferSource,
  accessToken: string | null,
): Promise<string | null> {
  const pair = await heldKey();
  return pair ? signed(pair, method, url, body, accessToken) : null;
}

export async function signed(
  pair: CryptoKeyPair,
  method: string,
  url: string,
  body: BufferSource,
  accessToken: string | null,
): Promise<string> {
  const address = new URL(url);
  const claims: Record<string, string | number> = {
    htm: method,
    htu: address.origin + address.pathname,
    iat: Math.floor(Date.now() / 1000) + aheadS,
    jti: crypto.randomUUID(),
    bod: base64url(await crypto.subtle.digest("SHA-256", body)),
  };
  if (accessToken !== null) claims["ath"] = base64url(await crypto.subtle.digest("SHA-256", bytes(accessToken)));
  const header = { typ: "dpop+jwt", alg: "ES256", jwk: await jwkOf(pair) };
  const text = [header, claims].map((part) => base64url(bytes(JSON.stringify(part)))).join(".");
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, bytes(text));
  return `${text}.${base64url(signature)}`;
}

/** The city said why it does not take a proof: true if a new one may be taken. */
export function learn(refusal: { why?: unknown; now?: unknown }): boolean {
  if (refusal.why === "time" && typeof refusal.now === "number") {
    aheadS = refusal.now - Math.floor(Date.now() / 1000);
    return true;
  }
  return refusal.why === "replayed";
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export function base64url(data: ArrayBuffer | Uint8Array): string {
  const text = Array.from(new Uint8Array(data), (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replace(/\+/gu, "-").replace(/\//gu, "_").replace(/=+$/u, "");
}
