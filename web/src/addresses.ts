/** Where an address leads: a screen of this app, a page of the city's server, somebody else's page, or nowhere. */

/** How the addresses begin that the server answers itself, with pages or files of its own. */
export const SERVED = /^\/(v1|schema|livez|readyz|metrics|open311|r|d|v|c|pay)(\/|$)/u;

const HERE = "https://here.invalid";

/** An address within the city's own, whoever wrote it: null for what a browser would take for another place. */
export function ownScreen(link: string | null | undefined): string | null {
  if (!link?.startsWith("/") || !URL.canParse(link, HERE)) return null;
  const address = new URL(link, HERE); // it reads "/\\" and a tab between slashes as a browser does
  return address.origin === HERE ? `${address.pathname}${address.search}${address.hash}` : null;
}

export function outsidePage(link: string | null | undefined): string | null {
  if (!link || !URL.canParse(link)) return null;
  const address = new URL(link);
  return address.protocol === "https:" && address.username === "" ? address.href : null;
}
