// Where this repository lies on disk, for helpers that start its executable or look for peers.
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The root folder of the repository; holds from `src` as well as from `dist`. */
export const repositoryRoot: string = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  "../..",
);
