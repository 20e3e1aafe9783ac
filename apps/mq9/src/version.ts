// The version of this executable, from the package.json beside `src` and `dist`.
import { readFileSync } from "node:fs";
import path from "node:path";

const manifest = path.join(import.meta.dirname, "..", "package.json");

/** For instance `0.1.0`. */
export const version: string = (JSON.parse(readFileSync(manifest, "utf8")) as { version: string })
  .version;
