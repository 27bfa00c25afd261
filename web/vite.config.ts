import { readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

const pages = join(import.meta.dirname, "src/pages");
const htmlPages = readdirSync(pages).filter((name) => name.endsWith(".html"));

// One build for the pages and for the elements that other sites embed: the pages load the same /braidcast.js.
// What it writes is served by the introducer, from the package's own folder.
export default defineConfig({
  root: pages,
  publicDir: join(import.meta.dirname, "public"),
  base: "/",
  build: {
    outDir: join(import.meta.dirname, "../signaling/pages"),
    emptyOutDir: true,
    target: "es2022",
    // Preloading would look for chunks at the address of the page; embedded elements need them beside /braidcast.js.
    modulePreload: false,
    chunkSizeWarningLimit: 700, // kB: hls.js, which is loaded only where WebRTC is missing
    rolldownOptions: {
      input: {
        braidcast: join(import.meta.dirname, "src/braidcast.ts"),
        ...Object.fromEntries(htmlPages.map((name) => [`page-${name.slice(0, -5)}`, join(pages, name)])),
      },
      preserveEntrySignatures: "strict",
      output: {
        entryFileNames: (chunk) => (chunk.name === "braidcast" ? "braidcast.js" : "assets/[name]-[hash].js"),
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  worker: {
    format: "es",
    rolldownOptions: { output: { entryFileNames: "assets/[name]-[hash].js" } },
  },
});
