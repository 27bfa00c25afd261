import { readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

const here = import.meta.dirname;
const pages = join(here, "../../src/pages");

// `vite build --config … --outDir …`: the pages as they are, in rooms that the test directs: only how a room is joined is exchanged.
export default defineConfig({
  root: pages,
  publicDir: join(here, "../../public"),
  plugins: [
    {
      name: "scripted-rooms",
      enforce: "pre",
      resolveId: (source) => (source === "./join.ts" ? join(here, "join-scripted.ts") : null),
    },
  ],
  build: {
    emptyOutDir: true,
    target: "es2022",
    minify: false,
    modulePreload: false,
    rolldownOptions: {
      input: {
        braidcast: join(here, "../../src/braidcast.ts"),
        ...Object.fromEntries(
          readdirSync(pages)
            .filter((name) => name.endsWith(".html"))
            .map((name) => [`page-${name.slice(0, -5)}`, join(pages, name)]),
        ),
      },
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "[name].js" },
    },
  },
});
