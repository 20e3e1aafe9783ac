// The tests that async-nats publishes with its crate, against the broker or, with `--real`, against
// nats-server. The tests stay in the crate: cargo fetches it, and they are copied next to its build.
//
//     node tests/clients/rust-suite/run.mjs [--real] [a part of a test's name]
//
// Clusters and JetStream are left out. Of what is left three tests need the network or the system's
// certificates and fail with either server.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";

const here = import.meta.dirname;
const root = path.resolve(here, "../../..");
const work = path.join(root, ".peers/rust-suite");
const files = [
  "client_tests",
  "jwt_tests",
  "nkey_tests",
  "subject_validation_test",
  "tls_tests",
  "websocket_test",
];

rmSync(work, { recursive: true, force: true });
mkdirSync(path.join(work, "tests"), { recursive: true });
for (const part of ["Cargo.toml", "Cargo.lock", "src", "launcher"]) {
  cpSync(path.join(here, part), path.join(work, part), { recursive: true });
}
const metadata = spawnSync("cargo", ["metadata", "--format-version", "1"], {
  cwd: work,
  encoding: "utf8",
  maxBuffer: 2 ** 28,
});
if (metadata.status !== 0) throw new Error(metadata.stderr ?? String(metadata.error));
const crate = JSON.parse(metadata.stdout).packages.find(({ name }) => name === "async-nats");
const source = path.join(path.dirname(crate.manifest_path), "tests");
for (const file of files)
  cpSync(path.join(source, `${file}.rs`), path.join(work, "tests", `${file}.rs`));
cpSync(path.join(source, "configs"), path.join(work, "tests/configs"), { recursive: true });

const marks = "--disk-soft-mark 0 --disk-hard-mark 0 --disk-reserve 0";
const broker = `${process.execPath} ${path.join(root, "apps/mq9/bin/mq9.js")} serve ${marks}`;
const [first, ...rest] = process.argv.slice(2);
const isReal = first === "--real";
const names = isReal ? rest : process.argv.slice(2);
const env = {
  ...process.env,
  SERVER_COMMAND: isReal ? path.join(root, ".peers/bin/nats-server") : broker,
};
const target = ["--target-dir", path.join(root, ".peers/rust-suite-target")];
const args = ["test", "--no-fail-fast", ...target, ...names, "--", "--test-threads=2"];
const { status } = spawnSync("cargo", args, { cwd: work, env, stdio: "inherit" });
process.exit(status ?? 1);
