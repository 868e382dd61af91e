// Joins the modules of a built tree into few files, because a command that reads little spends a
// quarter of its processor time on loading 150 modules one by one:
//
//   program/main.cjs and its chunks   the program, a chunk for what several commands share
//   **/*-worker.cjs, in their places  each thread's module with all that it imports
//
// They are CommonJS: Node's loader of ES modules takes 10 ms more to start with, in each thread.
// The tree stays as it is otherwise: it is what `exports` in package.json names.
//
//   node scripts/bundle.mjs DIRECTORY
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const tree = path.resolve(process.argv[2]);
// The bundler inside vite: no dependency of its own.
const vite = createRequire(import.meta.url).resolve("vite/package.json");
const { rolldown } = await import(createRequire(vite).resolve("rolldown"));

await bundle({ main: path.join(tree, "src", "main.js") }, path.join(tree, "program"), {
  chunkFileNames: "[name]-[hash].cjs",
});
for (const name of fs.readdirSync(tree, { recursive: true })) {
  if (!name.endsWith("-worker.js") || name.startsWith("web-ui")) continue;
  const file = path.join(tree, name);
  await bundle({ [path.basename(name, ".js")]: file }, path.dirname(file), {
    codeSplitting: false,
  });
  fs.rmSync(file);
}

async function bundle(input, outDir, output) {
  const joined = await rolldown({
    input,
    platform: "node",
    // Packages stay packages: some are native, all have licences of their own.
    external: (id) => !id.startsWith(".") && !path.isAbsolute(id),
    plugins: [keepPlaces(outDir)],
    logLevel: "warn",
  });
  await joined.write({
    dir: outDir,
    format: "cjs",
    dynamicImportInCjs: false,
    entryFileNames: "[name].cjs",
    ...output,
  });
  await joined.close();
}

// A module finds its neighbours (threads, data files, package.json) from where it stood.
function keepPlaces(outDir) {
  return {
    name: "keep-places",
    transform(code, id) {
      if (!code.includes("import.meta.url")) return null;
      const place = JSON.stringify(path.relative(outDir, id));
      const url = `require("node:url").pathToFileURL(require("node:path").join(__dirname, ${place})).href`;
      return code.replaceAll("import.meta.url", url);
    },
  };
}
