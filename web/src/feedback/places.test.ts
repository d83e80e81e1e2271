import { expect, it } from "vitest";
import { cells, rounded } from "./places";

const WARDS = [
  { code: "a", name: "Thuận Hóa", lat: 16.454, lng: 107.583, area_km2: 8 },
  { code: "b", name: "Phú Xuân", lat: 16.48, lng: 107.574, area_km2: 10 },
  { code: "c", name: "Vỹ Dạ", lat: 16.475, lng: 107.61, area_km2: 9 },
];

it("draws each ward around its centre, and nowhere nearer to another's", () => {
  const narrow = Math.cos((16.37 * Math.PI) / 180);
  const far = (lat: number, lng: number, ward: (typeof WARDS)[number]): number =>
    Math.hypot(lat - ward.lat, (lng - ward.lng) * narrow);
  for (const cell of cells(WARDS)) {
    const own = WARDS.find((one) => one.code === cell.code);
    expect(cell.outline.length).toBeGreaterThan(3);
    for (const [lat, lng] of cell.outline) {
      for (const other of WARDS) if (own) expect(far(lat, lng, own)).toBeLessThanOrEqual(far(lat, lng, other) + 1e-9);
    }
  }
});

it("writes a place the same way each time", () => {
  expect(rounded({ lat: 16.46890000001, lng: 107.59029999999 })).toEqual({ lat: 16.4689, lng: 107.5903 });
});
