/** The city's wards; they hardly change, so what the phone keeps is used without asking again. */
import { api, answer, type Schemas } from "../api/client";
import { keepAnswer, lastAnswer } from "../offline/kept";

export async function wards(): Promise<Schemas["Ward"][]> {
  const known = await lastAnswer<Schemas["Ward"][]>("wards");
  if (known) return known;
  const asked = await answer(api.GET("/v1/places/wards"));
  await keepAnswer("wards", asked);
  return asked;
}
