import { readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const pages = join(import.meta.dirname, "src/pages");
const htmlPages = readdirSync(pages).filter((name) => name.endsWith(".html"));

/** Chunks that are loaded on demand bring nothing with them: without preloading, its helper has nothing to do. */
const plainImports: Plugin = {
  name: "plain-imports",
  enforce: "pre",
  load: (id) =>
    id.includes("vite/preload-helper") ? "export const __vitePreload = (load) => load();" : null,
};

/** The signatures that only plain HTTP needs bring a copy of the hash module: else SHA-512 would come with SHA-256. */
const hashesApart: Plugin = {
  name: "hashes-apart",
  enforce: "pre",
  async resolveId(source, importer) {
    if (source !== "@noble/hashes/sha2.js" || importer?.endsWith("/ed25519-pure.ts") !== true) return null;
    const found = await this.resolve(source, importer, { skipSelf: true });
    return found === null ? null : `${found.id}?apart`;
  },
};

/** Exporting an identity brings copies of all that it needs: shared with what comes first, that would be cut worse. */
const exportApart: Plugin = {
  name: "export-apart",
  enforce: "pre",
  async resolveId(source, importer) {
    const [path, copy] = (importer ?? "").split("?");
    if (copy !== "export" && !/\/(?:identity-export|kept-identity)\.ts$/.test(path ?? "")) return null;
    const found = await this.resolve(source, path, { skipSelf: true });
    return found === null ? null : `${found.id}?export`;
  },
};

// One build for the pages and for the elements that other sites embed: the pages load the same /braidcast.js.
// What it writes is served by the introducer, from the package's own folder.
export default defineConfig({
  root: pages,
  publicDir: join(import.meta.dirname, "public"),
  base: "/",
  plugins: [plainImports, hashesApart, exportApart],
  build: {
    outDir: join(import.meta.dirname, "../signaling/pages"),
    emptyOutDir: true,
    target: "es2022",
    // Preloading would look for chunks at the address of the page; embedded elements need them beside /braidcast.js.
    modulePreload: false,
    chunkSizeWarningLimit: 700, // kB: hls.js, which is loaded only where WebRTC is missing
    rolldownOptions: {
      // A number takes less than the name of its constant, which is all that a bundle would keep of it.
      optimization: { inlineConst: { mode: "all" } },
      checks: { pluginTimings: false }, // a busy machine is no fault of theirs
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
