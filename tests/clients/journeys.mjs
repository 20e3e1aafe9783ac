// The day of every stock client, the Rust and the Java one among them, against the broker:
//
//     npm run journeys
//
// Builds the two (cargo and mvn get the pinned clients from their registries) into .peers/ and runs
// ./stock-clients.test.ts and ./ways-in.test.ts with them. A toolchain that is not there is said, and its client left out.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
const peers = path.join(root, ".peers");

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (error?.code === "ENOENT") return false;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}`);
  return true;
}

mkdirSync(path.join(peers, "bin"), { recursive: true });
const target = path.join(peers, "stock-rust");
const built = [];
if (
  run(
    "cargo",
    ["build", "--release", "--locked", "--quiet", "--target-dir", target],
    path.join(root, "tests/clients/rust"),
  )
) {
  copyFileSync(path.join(target, "release/stock-rust"), path.join(peers, "bin/stock-rust"));
  built.push("rust");
} else console.log("cargo is not installed: without async-nats");

const java = path.join(peers, "stock-java");
const goals = [
  "compile",
  "dependency:build-classpath",
  `-Dmdep.outputFile=${path.join(java, "classpath")}`,
];
if (
  run("mvn", ["-q", "-B", `-DbuildFolder=${java}`, ...goals], path.join(root, "tests/clients/java"))
) {
  built.push("java");
} else console.log("mvn is not installed: without jnats");

const env = { ...process.env, JOURNEYS: built.join(",") };
const files = ["tests/clients/stock-clients.test.ts", "tests/clients/ways-in.test.ts"];
const args = ["vitest", "run", ...files, "--reporter", "verbose"];
const { status } = spawnSync("npx", args, { cwd: root, env, stdio: "inherit" });
process.exit(status ?? 1);
