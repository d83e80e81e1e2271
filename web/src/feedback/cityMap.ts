/**
 * The city as a map that is drawn here: its wards and their names. There is no server of tiles behind it, so whoever
 * looks at it is seen by nobody else.
 */
import type { Map as LeafletMap } from "leaflet";
import * as leaflet from "leaflet";
import "leaflet/dist/leaflet.css";
import "./cityMap.css";
import { t } from "../language.svelte";
import { wards } from "./cityWards";
import { cells, type Spot } from "./places";

export const MIDDLE: Spot = { lat: 16.4637, lng: 107.5909 };

export interface CityMap {
  readonly leaflet: typeof leaflet;
  readonly map: LeafletMap;
}

/** Opens a map in `element`; call `map.remove()` at its end. */
export async function openMap(element: HTMLElement, centre: Spot, zoom: number): Promise<CityMap> {
  const map = leaflet.map(element, {
    center: [centre.lat, centre.lng],
    zoom,
    minZoom: 9,
    maxZoom: 19,
    zoomControl: false,
    zoomAnimation: false, // one that outlives its map looks for what is gone
    attributionControl: false,
    maxBounds: [
      [15.7, 106.8],
      [17, 108.6],
    ],
  });
  leaflet.control.zoom({ zoomInTitle: t("Phóng to", "Zoom in"), zoomOutTitle: t("Thu nhỏ", "Zoom out") }).addTo(map);
  const names = leaflet.layerGroup();
  for (const cell of cells(await wards())) {
    leaflet.polygon(cell.outline, { className: "ward", interactive: false }).addTo(map);
    const icon = leaflet.divIcon({ className: "ward-name", html: named(cell.name), iconSize: [110, 18] });
    leaflet
      .marker(leaflet.polygon(cell.outline).getBounds().getCenter(), {
        icon,
        interactive: false,
        keyboard: false,
        zIndexOffset: -10_000,
      })
      .addTo(names);
  }
  const show = (): void => void (map.getZoom() >= 11 ? names.addTo(map) : names.remove());
  map.on("zoomend", show);
  show();
  return { leaflet, map };
}

function named(name: string): HTMLElement {
  const words = document.createElement("span");
  words.textContent = name;
  return words;
}
