/** Where things are: the phone's own place, and the city's wards. */
import { t } from "../language.svelte";

export interface Spot {
  readonly lat: number;
  readonly lng: number;
}

/** Who says that it is there. */
export type Source = "picture" | "phone" | "map";

/** Why the phone does not say where it is. */
export class NoPlace extends Error {
  /** What to tell the resident. */
  get told(): string {
    return t(
      "Không lấy được vị trí. Hãy chọn trên bản đồ.",
      "The phone does not say where it is. Choose it on the map.",
    );
  }
}

/** Where the phone is. Raises NoPlace. */
export function whereAmI(patienceMs = 15_000): Promise<Spot & { accuracy_m: number }> {
  return new Promise((resolve, reject) => {
    if (!("geolocation" in navigator)) {
      reject(new NoPlace());
      return;
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords }) =>
        resolve({
          ...rounded({ lat: coords.latitude, lng: coords.longitude }),
          accuracy_m: Math.round(coords.accuracy),
        }),
      () => reject(new NoPlace()),
      { enableHighAccuracy: true, timeout: patienceMs, maximumAge: 30_000 },
    );
  });
}

/** The resident has said yes before: no question comes up. */
export async function mayAskPlace(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: "geolocation" })).state === "granted";
  } catch {
    return false;
  }
}

/** To a tenth of a metre: the same place is written the same way each time. */
export function rounded({ lat, lng }: Spot): Spot {
  return { lat: Math.round(lat * 1e6) / 1e6, lng: Math.round(lng * 1e6) / 1e6 };
}

interface Centre extends Spot {
  readonly code: string;
  readonly name: string;
  readonly area_km2: number;
}

export interface Cell {
  readonly code: string;
  readonly name: string;
  /** The outline as [lat, lng]. */
  readonly outline: [number, number][];
}

const M_PER_DEGREE = 111_195;
const CORNERS = 48;

/**
 * Each ward's part of the map where nobody knows its boundary: what is nearer to its centre than to another's, as the
 * city itself guesses a ward, and no farther than a ward of that size would reach.
 */
export function cells(wards: readonly Centre[]): Cell[] {
  const narrow = Math.cos((16.37 * Math.PI) / 180);
  const flat = wards.map((ward) => ({ ward, x: ward.lng * M_PER_DEGREE * narrow, y: ward.lat * M_PER_DEGREE }));
  return flat.map(({ ward, x, y }) => {
    const reach = 1.45 * Math.sqrt((ward.area_km2 * 1e6) / Math.PI);
    let ring: [number, number][] = Array.from({ length: CORNERS }, (_, at) => {
      const angle = (at / CORNERS) * 2 * Math.PI;
      return [x + reach * Math.cos(angle), y + reach * Math.sin(angle)];
    });
    for (const other of flat) if (other.ward !== ward) ring = nearerTo([x, y], [other.x, other.y], ring);
    return {
      code: ward.code,
      name: ward.name,
      outline: ring.map(([east, north]) => [north / M_PER_DEGREE, east / (M_PER_DEGREE * narrow)]),
    };
  });
}

/** The part of a ring that is nearer to `mine` than to `other`. */
function nearerTo(mine: [number, number], other: [number, number], ring: [number, number][]): [number, number][] {
  const [dx, dy] = [other[0] - mine[0], other[1] - mine[1]];
  const middle = (dx * (mine[0] + other[0]) + dy * (mine[1] + other[1])) / 2;
  const beyond = ([x, y]: [number, number]): number => dx * x + dy * y - middle;
  const kept: [number, number][] = [];
  ring.forEach((point, at) => {
    const next = ring[(at + 1) % ring.length] ?? point;
    const [here, there] = [beyond(point), beyond(next)];
    if (here <= 0) kept.push(point);
    if (here * there < 0) {
      const part = here / (here - there);
      kept.push([point[0] + part * (next[0] - point[0]), point[1] + part * (next[1] - point[1])]);
    }
  });
  return kept;
}
