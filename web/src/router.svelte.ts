/** Where the resident is: the address bar, read and written; links are ordinary links. */
import { parse } from "regexparam";
import type { Component } from "svelte";
import { ownScreen, SERVED } from "./addresses";
import { wearLetters } from "./ui/letters";

export type Tab = "home" | "wallet" | "scan" | "reports" | "me";

export interface Screen {
  readonly path: string;
  // Each screen takes the params of its own path as props; a list of all of them can say no more than that.
  readonly load: () => Promise<{ default: Component<any> }>;
  /** Which tab of the bar is lit; none: the bar is hidden. */
  readonly tab?: Tab;
  /** May be seen without signing in. */
  readonly open?: boolean;
}

export interface Found {
  readonly screen: Screen;
  readonly params: Readonly<Record<string, string>>;
}

export const place = $state({ path: location.pathname, search: location.search });

/** The parameters after the question mark. */
export function query(): URLSearchParams {
  return new URLSearchParams(place.search);
}

export function find(screens: readonly Screen[], path: string): Found | null {
  for (const screen of screens) {
    const { pattern, keys } = patternOf(screen.path);
    const match = pattern.exec(path.replace(/(.)\/$/u, "$1"));
    if (!match) continue;
    try {
      return {
        screen,
        params: Object.fromEntries(keys.map((key, at) => [key, decodeURIComponent(match[at + 1] ?? "")])),
      };
    } catch {
      return null; // half of a sign, as "%E0": no address of ours
    }
  }
  return null;
}

const patterns = new Map<string, { pattern: RegExp; keys: string[] }>();

function patternOf(path: string): { pattern: RegExp; keys: string[] } {
  let known = patterns.get(path);
  if (!known) patterns.set(path, (known = parse(path)));
  return known;
}

/** Go to a screen, or a page of the city's server; never anywhere else. `instead` leaves no way back to this one. */
export function go(to: string, { instead = false } = {}): void {
  const address = new URL(ownScreen(to) ?? "/", location.origin);
  if (SERVED.test(address.pathname)) {
    location.assign(address);
    return;
  }
  history[instead ? "replaceState" : "pushState"]({ inside: true }, "", address);
  arrive();
}

/** One step back; to `otherwise` if there is nothing behind (a link from outside). */
export function back(otherwise = "/"): void {
  if (history.state?.inside) history.back();
  else go(otherwise, { instead: true });
}

function arrive(): void {
  wearLetters();
  place.path = location.pathname;
  place.search = location.search;
}

/** Follow links inside the app without loading it anew. */
export function watchLinks(): void {
  addEventListener("popstate", arrive);
  document.addEventListener("click", (event) => {
    const link = (event.target as Element | null)?.closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.origin !== location.origin || SERVED.test(link.pathname))
      return;
    event.preventDefault();
    go(`${link.pathname}${link.search}${link.hash}`);
  });
}
