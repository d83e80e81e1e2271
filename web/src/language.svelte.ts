/** The language of the screen: Vietnamese unless the resident chose English. */
export type Language = "vi" | "en";

const KEPT_AS = "huong.language";

const chosen = $state<{ language: Language }>({ language: kept() });

function kept(): Language {
  return globalThis.localStorage?.getItem(KEPT_AS) === "en" ? "en" : "vi";
}

export function language(): Language {
  return chosen.language;
}

export function speak(wanted: Language): void {
  chosen.language = wanted;
  localStorage.setItem(KEPT_AS, wanted);
  document.documentElement.lang = wanted;
}

/** The words in the language of the screen; both stand side by side where they are used. */
export function t(vi: string, en: string): string {
  return chosen.language === "vi" ? vi : en;
}
