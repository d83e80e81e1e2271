import { afterEach, describe, expect, it, vi } from "vitest";
import { fitted, isTooLarge, prepared, readyToSend, type Chosen } from "./photographs";

function chosen(size: number, kind: "photo" | "video" = "photo"): Chosen {
  return { id: "x", file: new Blob([new Uint8Array(size)]), kind, spot: null, takenAt: null };
}

afterEach(() => vi.unstubAllGlobals());

/** A browser that opens pictures of this size, and draws them to so many bytes. */
function browser(width: number, height: number, drawnBytes: number): { canvas: { width: number; height: number } } {
  const canvas = {
    width: 0,
    height: 0,
    getContext: () => ({ drawImage: () => undefined }),
    toBlob: (done: (blob: Blob) => void) => done(new Blob([new Uint8Array(drawnBytes)])),
  };
  vi.stubGlobal("createImageBitmap", () => Promise.resolve({ width, height, close: () => undefined }));
  vi.stubGlobal("document", { createElement: () => canvas });
  return { canvas };
}

describe("a photograph", () => {
  it("is brought to 2048 pixels by its longer side", () => {
    expect(fitted(4000, 3000)).toEqual({ width: 2048, height: 1536 });
    expect(fitted(3000, 4000)).toEqual({ width: 1536, height: 2048 });
    expect(fitted(2048, 900)).toBeNull();
    expect(fitted(30_000, 3)).toEqual({ width: 2048, height: 1 });
  });

  it("is drawn smaller before it is sent", async () => {
    const { canvas } = browser(4000, 3000, 500);
    const sent = await prepared(chosen(5000).file, false);
    expect(sent.size).toBe(500);
    expect(canvas).toMatchObject({ width: 2048, height: 1536 });
  });

  it("goes untouched as evidence", async () => {
    browser(4000, 3000, 500);
    const { file } = chosen(5000);
    expect(await prepared(file, true)).toBe(file);
  });

  it("goes untouched if this browser cannot open it, or would only make it larger", async () => {
    const { file } = chosen(5000);
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("HEIC")));
    expect(await prepared(file, false)).toBe(file);
    browser(4000, 3000, 9000);
    expect(await prepared(file, false)).toBe(file);
  });

  it("is too large only if nothing will make it smaller", () => {
    expect(isTooLarge(chosen(15_000_001), true)).toBe(true);
    expect(isTooLarge(chosen(15_000_001), false)).toBe(false);
    expect(isTooLarge(chosen(15_000_001, "video"), false)).toBe(false);
  });

  it("is another upload each time its bytes may be others", async () => {
    const one = chosen(10);
    const [first] = await readyToSend([one], true);
    const [second] = await readyToSend([one], true);
    expect(first?.uploadId).not.toBe(second?.uploadId);
  });
});
