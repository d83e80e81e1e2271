/**
 * The app's letters: worn from the first word if the phone has them, else from the next screen on. Words that are being
 * read never jump.
 */
import latin400 from "@fontsource/be-vietnam-pro/files/be-vietnam-pro-latin-400-normal.woff2?url";
import latin600 from "@fontsource/be-vietnam-pro/files/be-vietnam-pro-latin-600-normal.woff2?url";
import vietnamese400 from "@fontsource/be-vietnam-pro/files/be-vietnam-pro-vietnamese-400-normal.woff2?url";
import vietnamese600 from "@fontsource/be-vietnam-pro/files/be-vietnam-pro-vietnamese-600-normal.woff2?url";

const VIETNAMESE =
  "U+0102-0103, U+0110-0111, U+0128-0129, U+0168-0169, U+01A0-01A1, U+01AF-01B0, U+0300-0301, U+0303-0304, " +
  "U+0308-0309, U+0323, U+0329, U+1EA0-1EF9, U+20AB";
const LATIN =
  "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+2000-206F, U+20AC, U+2122, U+2191, " +
  "U+2193, U+2212, U+2215, U+FEFF, U+FFFD";
const PATIENCE_MS = 300;

const files: readonly (readonly [string, string, string])[] = [
  [vietnamese400, "400", VIETNAMESE],
  [latin400, "400", LATIN],
  [vietnamese600, "600", VIETNAMESE],
  [latin600, "600", LATIN],
];

let here: readonly FontFace[] = [];

async function fetched(): Promise<void> {
  try {
    here = await Promise.all(
      files.map(([file, weight, unicodeRange]) =>
        new FontFace("Be Vietnam Pro", `url(${file}) format("woff2")`, { weight, unicodeRange }).load(),
      ),
    );
  } catch {
    // without a network the phone's own letters do
  }
}

/** Before the first word is drawn: waits a moment where they lie on the phone, and asks for them later where not. */
export async function lettersFirst(): Promise<void> {
  if (navigator.serviceWorker?.controller) {
    await Promise.race([fetched(), new Promise((late) => setTimeout(late, PATIENCE_MS))]);
    wearLetters();
  } else addEventListener("load", () => void fetched()); // after what makes the app work
}

/** Between two screens, when all words change anyway. */
export function wearLetters(): void {
  for (const face of here) document.fonts.add(face);
}
