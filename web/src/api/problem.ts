/** What a person is told of a no of the city, or of a city that does not answer. */
import { language } from "../language.svelte";
import { Problem, Unreachable } from "./trouble";

export { isProblem, Problem, Unreachable, type ProblemBody } from "./trouble";

/** What a person is told of a trouble, whatever it is. */
export function told(trouble: unknown): string {
  const vi = language() === "vi";
  if (trouble instanceof Problem) return trouble.body.title_translated?.[language()] ?? trouble.body.title;
  if (trouble instanceof Unreachable) {
    return vi ? "Không có kết nối. Hãy thử lại khi có mạng." : "No connection. Try again when there is a network.";
  }
  return vi ? "Có lỗi ở ứng dụng này. Hãy thử lại." : "Something went wrong in this app. Try again.";
}
