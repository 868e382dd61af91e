#!/usr/bin/env node
// The launcher: plain JavaScript that any Node can parse. It finds a Node new enough, then loads the
// built program. Node's thread pool size must be in the environment before the first pool use.
"use strict";

const path = require("path");
const fs = require("fs");
const MAJOR_NEEDED = 24;
const root = path.join(__dirname, "..");
const main = path.join(root, "dist", "program", "main.cjs");

function fail(sentence) {
  process.stderr.write("forge: " + sentence + "\n");
  process.exit(1);
}

if (!fs.existsSync(main)) {
  fail("this clone is not built yet: run `npm run build` in " + root + ".");
}

if (parseInt(process.versions.node, 10) < MAJOR_NEEDED) {
  // A clone carries a Node of its own, as the development dependency `node`.
  const own = path.join(root, "node_modules", "node", "bin", "node");
  if (!fs.existsSync(own)) {
    fail(
      "Node.js " +
        MAJOR_NEEDED +
        " or newer is needed and this is " +
        process.versions.node +
        "; install it, or run `npm install` in " +
        root +
        ", which brings one.",
    );
  }
  // execve would be right; Node has none this old, so the parent only passes signals and the status on.
  const child = require("child_process").spawn(own, [__filename].concat(process.argv.slice(2)), {
    stdio: "inherit",
  });
  ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"].forEach(function (signal) {
    process.on(signal, function () {
      // A terminal sends SIGINT to the whole group: the child has it already.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on("exit", function (code, signal) {
    process.exit(signal === null ? code : 128 + require("os").constants.signals[signal]);
  });
} else {
  // Reads of /dev/fuse, fsync of packs and the KDF all occupy pool threads; four are too few.
  if (!process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = "16";
  // Young objects get 1 MB and not 16: nearly all die at once, and it saves 100 MB of a backup.
  if (parseInt(process.versions.node, 10) === MAJOR_NEEDED) {
    require("v8").setFlagsFromString("--semi-space-growth-factor=1");
  }
  // A native package makes a diagnostic report to learn which libc this is; not with the network.
  if (process.report) process.report.excludeNetwork = true;
  const nodeModule = require("module");
  if (nodeModule.enableCompileCache) nodeModule.enableCompileCache();
  try {
    require(main);
  } catch (error) {
    fail("cannot load the program: " + error.message);
  }
}
