/** A file of the city, saved as any download. */
import { fileAddress } from "../api/client";

/** Raises Problem, Unreachable. */
export async function saveFile(path: string, name: string): Promise<void> {
  const address = await fileAddress(path);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // a slow phone reads it later
}
