/** Where a message leads: a screen of this app, or a page of somebody else's by https; anything else leads nowhere. */
export function ownScreen(link: string | null | undefined): string | null {
  if (!link?.startsWith("/") || link.startsWith("//") || link.includes("\\")) return null;
  return link;
}

export function outsidePage(link: string | null | undefined): string | null {
  if (!link || !URL.canParse(link)) return null;
  const address = new URL(link);
  return address.protocol === "https:" && address.username === "" ? address.href : null;
}
