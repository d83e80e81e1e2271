import { expect, test } from "vitest";
import { base64url, learn, needsProof, signed } from "./device_key";

const text = (part: string): unknown => JSON.parse(atob(part.replace(/-/gu, "+").replace(/_/gu, "/")));

test("a proof says what docs/devices.md says, and its key can be used but not taken", async () => {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const body = new TextEncoder().encode('{"pin": "258036"}');
  const proof = await signed(pair, "PUT", "https://hue.example/v1/me/pin?a=1", body, "example-access-token");
  const [header = "", claims = "", signature = ""] = proof.split(".");
  expect(text(header)).toMatchObject({ typ: "dpop+jwt", alg: "ES256", jwk: { kty: "EC", crv: "P-256" } });
  expect(Object.keys((text(header) as { jwk: object }).jwk).sort()).toEqual(["crv", "kty", "x", "y"]);
  expect(text(claims)).toMatchObject({
    htm: "PUT",
    htu: "https://hue.example/v1/me/pin",
    bod: "mK5IUy50F8Q5Uvz1MOfVm9G2D2HNOPFQpzVYZG6VTIo",
    ath: "Z1P3Ll-e0JrOBqzfbrTXjd9Z_l-iiW1obnZMWdV1w1s",
  });
  const raw = Uint8Array.from(atob(signature.replace(/-/gu, "+").replace(/_/gu, "/")), (one) => one.charCodeAt(0));
  const said = new TextEncoder().encode(`${header}.${claims}`);
  expect(raw).toHaveLength(64);
  expect(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, pair.publicKey, raw, said)).toBe(true);
  await expect(crypto.subtle.exportKey("jwk", pair.privateKey)).rejects.toThrow();
});

test("what counts is proved, and nothing else", () => {
  expect(needsProof("POST", "/v1/sign-in/refreshes")).toBe(true);
  expect(needsProof("PUT", "/v1/wallet/payments/1")).toBe(true);
  expect(needsProof("GET", "/v1/wallet/payments/1")).toBe(false);
  expect(needsProof("DELETE", "/v1/me/devices/1")).toBe(true);
  expect(needsProof("PUT", "/v1/me/devices/1/key")).toBe(false);
  expect(needsProof("PUT", "/v1/wallet/refunds/1")).toBe(true);
  expect(needsProof("PUT", "/v1/merchants/1/bank-account")).toBe(true);
  expect(needsProof("PUT", "/v1/uploads/1")).toBe(false);
});

test("a phone whose clock is off learns the city's", async () => {
  const ahead = Math.floor(Date.now() / 1000) + 3600;
  expect(learn({ why: "time", now: ahead })).toBe(true);
  expect(learn({ why: "key" })).toBe(false);
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const [, claims = ""] = (await signed(pair, "PUT", "https://hue.example/", new Uint8Array(), null)).split(".");
  expect((text(claims) as { iat: number }).iat).toBeGreaterThan(ahead - 5);
});

test("base64url has no padding and no signs that an address would change", () => {
  expect(base64url(new Uint8Array([251, 255, 254]))).toBe("-__-");
});
