// Puts the LICENSE of the root beside a package that is about to be packed; the copies are git-ignored.
// Run by npm in the folder of the package (`prepack`).
"use strict";

const { copyFileSync } = require("node:fs");

copyFileSync(`${__dirname}/../LICENSE`, "LICENSE");
