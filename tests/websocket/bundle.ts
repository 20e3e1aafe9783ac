// Makes one ES module of an npm package in CommonJS, for pages without a bundler.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/**
 * @param name of the package
 * @param names what the module exports of it
 */
export async function bundle(name: string, names: readonly string[]): Promise<string> {
  const main = createRequire(import.meta.url).resolve(name);
  const modules = new Map<string, string>();
  await add(main, modules);
  const table = [...modules].map(
    ([file, source]) => `${JSON.stringify(file)}: (module, exports, require) => {\n${source}\n}`,
  );
  return `const files = {\n${table.join(",\n")}\n};
const loaded = {};
function load(file) {
  if (loaded[file]) return loaded[file].exports;
  const module = (loaded[file] = { exports: {} });
  files[file](module, module.exports, load);
  return module.exports;
}
const main = load(${JSON.stringify(main)});
${names.map((each) => `export const ${each} = main.${each};`).join("\n")}
`;
}

async function add(file: string, modules: Map<string, string>): Promise<void> {
  if (modules.has(file)) return;
  modules.set(file, "");
  const require = createRequire(file);
  const source = await readFile(file, "utf8");
  const wanted = [...source.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, each]) => each as string);
  let linked = source;
  for (const each of new Set(wanted)) {
    const path = require.resolve(each);
    if (path === each) continue; // of the platform: never asked for in a browser
    await add(path, modules);
    linked = linked.replaceAll(`require("${each}")`, `require(${JSON.stringify(path)})`);
  }
  modules.set(file, linked);
}
