// Composes the broker from its parts and stays with it until it ends. The only place of the
// executable that starts anything; called by the serve command with complete settings.
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Broker, type BrokerOptions, createBroker, isLoopback } from "@mq9/broker";
import type { Store } from "@mq9/store";
import { createDiskReserve, createLevelStore } from "@mq9/store-level";
import { banner } from "./banner.ts";
import type { ServeRequest } from "./commands/serve.ts";
import { brokerOptionsOf } from "./config/layers.ts";
import { printConfig } from "./config/print.ts";
import type { Settings } from "./config/settings.ts";
import { approximateBytes } from "./config/units.ts";
import { prepareDataFolder } from "./data-folder.ts";
import { exitDefect, exitDisk, exitOk, exitTemporary, usageError } from "./exit-codes.ts";
import { openLog, type ProcessLog } from "./log.ts";
import { listenForStop, reportDefects } from "./process-events.ts";
import { explainStartError, insecureWarning } from "./start-errors.ts";
import { version } from "./version.ts";

/**
 * Runs the broker until it is asked to stop. Once it began to start, the process ends in here, with
 * everything flushed, whatever timers and sockets are left.
 * @returns the exit code, when the settings were only to be printed
 * @throws {ExitError} when the settings can not be used
 */
export async function runBroker(request: ServeRequest): Promise<number> {
  const { settings } = request.resolved;
  const options = brokerOptionsOf(request.resolved);
  if (request.printConfig) {
    process.stdout.write(printConfig(request.resolved, request.remarks));
    return exitOk;
  }
  const output = describeOutput(settings);
  const log = openLog({ ...output, level: settings.logLevel });
  reportDefects(log.fatal, () => process.exit(exitDefect));
  const stopAsked = listenForStop((signal) => {
    log.log.warn("stopping at once, as asked a second time", { signal });
    process.exit(exitOk);
  });
  for (const remark of request.remarks) log.log.warn(remark);

  const run: Run = { settings, options, output, log, dataFolder: path.resolve(settings.data) };
  const broker = await startBroker(run);
  const ending = await Promise.race([
    stopAsked.then((signal) => ({ signal })),
    broker.fatal.then((error) => ({ error })),
  ]);
  process.exit(
    "error" in ending ? failed(run, ending.error) : await stopBroker(run, broker, ending.signal),
  );
}

/** What one run of the broker consists of. */
interface Run {
  readonly settings: Settings;
  readonly options: BrokerOptions;
  readonly output: Output;
  readonly log: ProcessLog;
  readonly dataFolder: string;
}

interface Output {
  readonly format: "pretty" | "json";
  readonly colors: boolean;
}

function describeOutput(settings: Settings): Output {
  const { stderr } = process;
  const format =
    settings.logFormat === "auto" ? (stderr.isTTY ? "pretty" : "json") : settings.logFormat;
  return { format, colors: stderr.isTTY && stderr.hasColors() };
}

async function startBroker(run: Run): Promise<Broker> {
  const { options, log, dataFolder } = run;
  try {
    process.umask(0o077); // what is stored is for this user alone
    prepareDataFolder(dataFolder);
    const store = createLevelStore({
      folder: dataFolder,
      onDamage: (error) => log.log.error("a stored record is damaged and is not served", { error }),
    });
    const broker = createBroker(options, {
      store,
      log: log.log,
      reserve: createDiskReserve(dataFolder),
      embeddingsKey: embeddingsKey(run.settings),
      version,
    });
    await announce(run, store, await broker.start());
    return broker;
  } catch (error) {
    const known = explainStartError(error, run);
    if (known === undefined) throw error;
    if (run.output.format === "json") log.fatal(known.message, { exitCode: known.exitCode });
    else process.stderr.write(`error: ${known.message}\n`);
    process.exit(known.exitCode);
  }
}

/** @throws {ExitError} when the file can not be read */
function embeddingsKey({ embeddingsKeyFile }: Settings): string | undefined {
  if (embeddingsKeyFile === "") return process.env["MQ9_EMBEDDINGS_KEY"]?.trim() || undefined;
  try {
    return readFileSync(embeddingsKeyFile, "utf8").trim() || undefined;
  } catch (error) {
    throw usageError(
      `embeddings_key_file ${embeddingsKeyFile} can not be read: ${(error as Error).message}`,
    );
  }
}

async function announce(
  { settings, options, output, log, dataFolder }: Run,
  store: Store,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  if (output.format === "json") {
    log.log.info("listening", { host, port, dataFolder, durable: store.durable, version });
  } else if (settings.logLevel === "info" || settings.logLevel === "debug") {
    // best effort: without the number the banner just says less.
    const space = await store.space().catch(() => undefined);
    const facts = {
      version,
      host,
      port,
      dataFolder,
      pid: process.pid,
      freeSpace: space === undefined ? undefined : approximateBytes(space.freeBytes),
      durable: store.durable,
      exposed: !isLoopback(options.host),
      colors: output.colors,
    };
    process.stderr.write(banner(facts));
  }
  const warning = insecureWarning(options);
  if (warning !== undefined) log.log.warn(warning);
}

async function stopBroker(run: Run, broker: Broker, signal: string): Promise<number> {
  const { log, options } = run;
  const { deadlineMs } = options.shutdown;
  log.log.info("stopping", { signal });
  const late = setTimeout(() => {
    log.fatal("could not stop in time; leaving as in a crash, accepted messages are safe on disk", {
      deadlineMs,
    });
    process.exit(exitTemporary);
  }, deadlineMs);
  const error = await Promise.race([broker.stop(), broker.fatal]);
  clearTimeout(late);
  if (error !== undefined) return failed(run, error);
  log.log.info("stopped");
  return exitOk;
}

function failed({ log, dataFolder }: Run, error: Error): number {
  log.fatal(
    "the disk failed: the process ends so that nothing is acknowledged that may be lost; check the disk, then start again",
    { dataFolder, err: error },
  );
  return exitDisk;
}
