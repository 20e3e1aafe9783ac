// The version of this executable, from the package.json beside `src` and `dist`.
import { readFileSync } from "node:fs";

/** For instance `0.1.0`. */
export const version: string = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  }
).version;
