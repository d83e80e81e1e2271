/** What this browser is called in the list of devices: "Chrome Android". */
export function browserName(agent: string = navigator.userAgent): string {
  const browser = /(Firefox|Edg|Chrome|Safari)\//u.exec(agent)?.[1] ?? "Web";
  const system = /(Android|iPhone|iPad|Windows|Mac OS|Linux)/u.exec(agent)?.[1] ?? "";
  return `${browser === "Edg" ? "Edge" : browser} ${system}`.trim();
}
