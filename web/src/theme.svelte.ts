/** Light or dark: as the phone says, or as the resident chose. */
export type Theme = "system" | "light" | "dark";

const KEPT_AS = "huong.theme";

const chosen = $state<{ theme: Theme }>({ theme: kept() });

function kept(): Theme {
  const theme = localStorage.getItem(KEPT_AS);
  return theme === "light" || theme === "dark" ? theme : "system";
}

export function theme(): Theme {
  return chosen.theme;
}

export function choose(wanted: Theme): void {
  chosen.theme = wanted;
  localStorage.setItem(KEPT_AS, wanted);
  dress();
}

export function dress(): void {
  if (chosen.theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen.theme;
}
