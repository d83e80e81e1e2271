import { svelte } from "@sveltejs/vite-plugin-svelte";
import { VitePWA } from "vite-plugin-pwa";
import { defineConfig } from "vitest/config";
import { SERVED } from "./src/addresses.ts";

const API = process.env["API"] ?? "http://localhost:8000";

const ROOMS = ["wallet", "feedback", "dossiers", "notifications", "merchant", "me"];
/** What nearly every screen has; what few have (dialogs, codes) comes with them. */
const PARTS =
  /\/src\/(ui\/(Amount|Badge|Choice|ChooseFile|Confirm|Field|More|Panel|Row|Select|Shown|Switch|Timeline)|money\/AmountField)\.svelte($|\?)/u;

function components(room: string): RegExp {
  return new RegExp(`/src/${room}/[^/]+\\.svelte($|\\?)`, "u");
}

export default defineConfig({
  plugins: [
    // A screen is made anew for each address, so its params never change under it.
    svelte({ compilerOptions: { warningFilter: (warning) => warning.code !== "state_referenced_locally" } }),
    VitePWA({
      strategies: "injectManifest",
      srcDir: "src",
      filename: "sw.ts",
      injectRegister: false,
      injectManifest: { globPatterns: ["**/*.{js,css,html,woff2,svg,png}"] },
      manifest: {
        id: "/",
        name: "Hương: thành phố trong tay",
        short_name: "Hương",
        description: "Thanh toán, phản ánh, hồ sơ và cảnh báo của thành phố Huế.",
        lang: "vi",
        start_url: "/",
        scope: "/",
        display: "standalone",
        orientation: "portrait",
        background_color: "#faf9fb",
        theme_color: "#5b2a86",
        icons: [
          { src: "/icon-192.png", sizes: "192x192", type: "image/png" },
          { src: "/icon-512.png", sizes: "512x512", type: "image/png" },
          { src: "/icon-maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
        ],
        shortcuts: [
          { name: "Quét QR", url: "/wallet/scan" },
          { name: "Gửi phản ánh", url: "/reports/new" },
        ],
      },
    }),
  ],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // A room's screens come together: on 3G each file costs a round trip, and who opens one soon opens another.
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [...ROOMS.map((name) => ({ name, test: components(name) })), { name: "parts", test: PARTS }],
        },
      },
    },
  },
  server: { proxy: { [SERVED.source]: API } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
