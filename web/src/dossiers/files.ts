/** Files of the city's on their way to this phone. */
import { fileAddress } from "../api/client";

/** Fetch a file as whoever is signed in, and hand it to the phone under a name. Raises Problem, Unreachable. */
export async function saveFile(path: string, name: string): Promise<void> {
  const address = await fileAddress(path);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A file's SHA-256 in hex; the file stays on the phone. */
export async function sha256(file: Blob): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
