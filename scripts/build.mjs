// Builds dist/ from the sources: the same tree, file for file, so workers and packages resolve as in
// the clone; the program once more in few files, which start faster (bundle.mjs); and the page of the
// file browser into dist/web-ui. Runs with the Node the project brings, whichever Node started it.
//
//   node scripts/build.mjs              build; a type error fails it
//   node scripts/build.mjs --no-check   emit only: a second faster
//   node scripts/build.mjs --if-needed  only when a source is newer than dist/
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const dist = path.join(root, "dist");
const stamp = path.join(dist, ".built");
const SOURCES = ["engine", "mount", "webdav", "src"];
const INPUTS = SOURCES.concat(
  "scripts",
  "web-ui",
  "tsconfig.json",
  "tsconfig.build.json",
  "package-lock.json",
);

const lock = path.join(os.tmpdir(), `forge-build-${root.replace(/[^A-Za-z0-9]+/g, "-")}`);
takeLock();
process.on("exit", () => fs.rmSync(lock, { recursive: true, force: true }));
if (process.argv.includes("--if-needed") && isFresh()) process.exit(0);

const started = Date.now();
const checking = !process.argv.includes("--no-check");
// Built beside dist/ and then renamed: a forge that runs meanwhile never sees half a tree.
const fresh = `${dist}.${process.pid}`;
try {
  compile(fresh);
  copyPlainFiles(fresh);
  runTool("the bundler", "../scripts/bundle.mjs", [fresh]);
  buildPage(path.join(fresh, "web-ui"));
  fs.writeFileSync(path.join(fresh, ".built"), `${new Date(started).toISOString()}\n`);
  fs.utimesSync(path.join(fresh, ".built"), started / 1000, started / 1000);
  replace(fresh);
} finally {
  fs.rmSync(fresh, { recursive: true, force: true });
}
console.log(`built dist/ in ${((Date.now() - started) / 1000).toFixed(1)} s`);

// One build at a time: tests that start together would each build.
function takeLock() {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      fs.mkdirSync(lock);
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    // Left by a build that was killed.
    const age = Date.now() - (fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 120_000) {
      fs.utimesSync(lock, new Date(), new Date());
      return;
    }
    Atomics.wait(pause, 0, 0, 50);
  }
}

function compile(outDir) {
  const words = ["-p", path.join(root, "tsconfig.build.json"), "--outDir", outDir];
  runTool("the compiler", "typescript/bin/tsc", checking ? words : words.concat("--noCheck"));
  if (!fs.existsSync(path.join(outDir, "src", "main.js")))
    stop("the compiler wrote no src/main.js");
}

// Vite takes types away without looking at them; the compiler looks.
function buildPage(outDir) {
  const page = path.join(root, "web-ui");
  if (checking)
    runTool("the compiler", "typescript/bin/tsc", ["-p", path.join(page, "tsconfig.json")]);
  const words = ["build", page, "--configLoader", "native", "--logLevel", "warn"];
  runTool("vite", "vite/bin/vite.js", words.concat("--outDir", outDir, "--emptyOutDir"));
  if (!fs.existsSync(path.join(outDir, "index.html"))) stop("vite wrote no index.html");
}

// A program of a development dependency, with the project's Node.
function runTool(name, script, words) {
  const node = path.join(root, "node_modules", "node", "bin", "node");
  const file = path.join(root, "node_modules", script);
  if (!fs.existsSync(file)) stop(`${name} is not installed: run \`npm install\` in ${root}`);
  const result = spawnSync(fs.existsSync(node) ? node : process.execPath, [file, ...words], {
    cwd: root,
    encoding: "utf8",
  });
  if (result.error) stop(`${name} cannot be started: ${result.error.message}`);
  if (result.status !== 0) stop(`${name} found errors:\n${result.stdout}${result.stderr}`);
}

// What the compiler leaves alone and the program reads at run time.
function copyPlainFiles(outDir) {
  for (const folder of SOURCES) {
    const from = path.join(root, folder);
    if (!fs.existsSync(from)) continue;
    for (const name of fs.readdirSync(from, { recursive: true })) {
      if (!/\.(mjs|cjs|js|py|sh|sql|html|css|wasm)$/.test(name)) continue;
      const to = path.join(outDir, folder, name);
      fs.mkdirSync(path.dirname(to), { recursive: true });
      fs.copyFileSync(path.join(from, name), to);
    }
  }
}

function replace(outDir) {
  const old = `${dist}.old.${process.pid}`;
  if (fs.existsSync(dist)) fs.renameSync(dist, old);
  fs.renameSync(outDir, dist);
  fs.rmSync(old, { recursive: true, force: true });
}

function isFresh() {
  const built = fs.statSync(stamp, { throwIfNoEntry: false });
  return (
    built !== undefined && INPUTS.every((name) => !isNewer(path.join(root, name), built.mtimeMs))
  );
}

function isNewer(name, thanMs) {
  const found = fs.statSync(name, { throwIfNoEntry: false });
  if (found === undefined) return false;
  // A folder's own time tells that a file in it came or went.
  if (found.mtimeMs > thanMs) return true;
  if (!found.isDirectory()) return false;
  return fs.readdirSync(name).some((below) => isNewer(path.join(name, below), thanMs));
}

function stop(sentence) {
  fs.rmSync(fresh, { recursive: true, force: true });
  console.error(`build failed: ${sentence}`);
  process.exit(1);
}
