// Composes the broker from its parts and stays with it until it ends. The only place of the
// executable that starts anything; called by the serve command with complete settings.
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Broker, type BrokerAddress, createBroker } from "@mq9/broker";
import type { Trace } from "@mq9/router";
import type { Store } from "@mq9/store";
import { createDiskReserve, createLevelStore } from "@mq9/store-level";
import { type AuditFile, openAuditFile } from "./audit-file.ts";
import { listenForBackups } from "./backup/backup-socket.ts";
import type { ServeRequest } from "./commands/serve.ts";
import { brokerOptionsOf } from "./config/layers.ts";
import { printConfig } from "./config/print.ts";
import type { Settings } from "./config/settings.ts";
import { prepareDataFolder } from "./data-folder.ts";
import { exitDefect, exitDisk, exitOk, exitTemporary, usageError } from "./exit-codes.ts";
import { InstanceFiles } from "./instance-files.ts";
import { cleanText, openLog, type ProcessLog } from "./log.ts";
import { startMonitoring } from "./monitoring.ts";
import { announce, describeOutput, type Output, portsOf } from "./output.ts";
import { listenForSignals, reportDefects } from "./process-events.ts";
import { createQuarantineFile } from "./quarantine-file.ts";
import { type Running, reload } from "./reload.ts";
import { explainStartError, insecureWarning } from "./start-errors.ts";
import { version } from "./version.ts";

/**
 * Runs the broker until it is asked to stop. Once it began to start, the process ends in here, with
 * everything flushed, whatever timers and sockets are left.
 * @returns the exit code, when the settings were only to be looked at
 * @throws {ExitError} when the settings can not be used
 */
export async function runBroker(request: ServeRequest): Promise<number> {
  const { resolved, configFile } = request;
  const { settings } = resolved;
  const options = brokerOptionsOf(resolved);
  if (request.printConfig) {
    process.stdout.write(printConfig(resolved, request.remarks));
    return exitOk;
  }
  if (request.checkConfig) {
    for (const remark of request.remarks) process.stderr.write(`note: ${remark}\n`);
    const what = configFile === undefined ? "what was set" : `configuration file ${configFile}`;
    process.stdout.write(`mq9: ${what} is valid\n`);
    return exitOk;
  }
  const output = describeOutput(settings, request.asNatsServer);
  const log = openLog({
    ...output,
    level: settings.logLevel,
    file: settings.logFile,
    time: settings.logTime,
  });
  reportDefects(log.fatal, () => process.exit(exitDefect));
  await new Process(request, { resolved, options }, output, log).run();
  return exitOk;
}

/** One broker and what belongs to it, from its start to the end of the process. */
class Process {
  readonly #request: ServeRequest;
  readonly #output: Output;
  readonly #log: ProcessLog;
  readonly #dataFolder: string;
  readonly #files = new InstanceFiles();
  #audit: AuditFile | undefined = undefined;
  #running: Running;
  #broker: Broker | undefined = undefined;

  constructor(request: ServeRequest, running: Running, output: Output, log: ProcessLog) {
    const { settings } = running.resolved;
    this.#request = request;
    this.#running = running;
    this.#output = output;
    this.#log = log;
    this.#dataFolder = path.resolve(settings.data);
  }

  /** Ends the process. */
  async run(): Promise<never> {
    const ending = this.#untilAsked();
    for (const remark of this.#request.remarks) this.#log.log.warn(remark);
    const broker = await this.#start();
    this.#broker = broker;
    const end = await Promise.race([ending, broker.fatal]);
    if (end instanceof Error) process.exit(this.#failed(end));
    process.exit(await this.#stop(broker, end));
  }

  /** @returns why to stop: the name of a signal, or `lame duck` */
  #untilAsked(): Promise<string> {
    const { log } = this.#log;
    process.on("exit", () => this.#files.remove());
    return new Promise((resolve) => {
      listenForSignals({
        stop: (signal) => {
          if (this.#retiring) void this.#broker?.stop();
          resolve(signal);
        },
        insist: (signal) => {
          log.warn("stopping at once, as asked a second time", { signal });
          process.exit(exitOk);
        },
        lameDuck: () => {
          resolve(lameDuck);
        },
        reload: this.#request.configFile === undefined ? undefined : () => this.#reloadBySignal(),
        reopen: () => void this.#reopen(),
      });
    });
  }

  #retiring = false;

  async #start(): Promise<Broker> {
    const log = this.#log;
    const { resolved, options } = this.#running;
    const dataFolder = this.#dataFolder;
    try {
      process.umask(0o077); // what is stored is for this user alone
      prepareDataFolder(dataFolder);
      const store = createLevelStore({
        folder: dataFolder,
        onDamage: (error) =>
          log.log.error("a stored record is damaged and is not served", { error }),
      });
      await this.#openAudit(resolved.settings.audit);
      const broker = createBroker(options, {
        store,
        log: log.log,
        reserve: createDiskReserve(dataFolder),
        quarantines: createQuarantineFile(dataFolder),
        embeddingsKey: embeddingsKey(resolved.settings),
        version,
        trace: () => this.#trace(),
        audit: this.#audit && ((event) => this.#audit?.write(event)),
        reload: this.#request.configFile === undefined ? undefined : async () => this.#reload(),
      });
      const address = await broker.start();
      await listenForBackups({
        folder: dataFolder,
        store,
        log: log.log,
        taken: ({ mailboxes, messages }) => {
          const atMs = Date.now();
          this.#audit?.write({ kind: "backup.taken", mailboxes, messages, atMs });
        },
      });
      await this.#ready(broker, store, address);
      return broker;
    } catch (error) {
      const known = explainStartError(error, { options, dataFolder });
      if (known === undefined) throw error;
      if (this.#output.format === "pretty") process.stderr.write(`error: ${known.message}\n`);
      else log.fatal(known.message, { exitCode: known.exitCode });
      process.exit(known.exitCode);
    }
  }

  async #ready(broker: Broker, store: Store, address: BrokerAddress): Promise<void> {
    const { resolved, options } = this.#running;
    const { settings } = resolved;
    const edges = await startMonitoring(broker, settings, this.#log.log);
    const facts = {
      settings,
      options,
      addresses: { broker: address, ...edges },
      dataFolder: this.#dataFolder,
      configFile: this.#request.configFile,
      usersConfigured: options.auth !== undefined,
    };
    await announce(facts, this.#output, this.#log, store);
    const warning = insecureWarning(options);
    if (warning !== undefined) this.#log.log.warn(warning);
    if (settings.pidFile !== "") this.#files.writePid(settings.pidFile);
    // Last of all: who waits for it takes it for the sign that everything works.
    if (settings.portsFileDir !== "") {
      const program = this.#request.asNatsServer ? "nats-server" : "mq9";
      this.#files.writePorts(settings.portsFileDir, program, portsOf(facts));
    }
  }

  #trace(): Trace | undefined {
    const { trace, maxTracedMsgLen } = this.#running.resolved.settings;
    if (!trace) return undefined;
    return {
      payloadBytesMax: maxTracedMsgLen,
      write: (line) => this.#log.line(cleanText(line, tracedLengthMax), "trace"),
    };
  }

  async #openAudit(file: string): Promise<void> {
    if (file === "") return;
    try {
      this.#audit = await openAuditFile(file, (error) =>
        this.#log.log.error("the audit can not be written; its events wait", { error }),
      );
    } catch (error) {
      throw usageError(`audit ${file} can not be written: ${(error as Error).message}`);
    }
  }

  /** @throws {ExitError} when what was read can not be used; what held before still holds */
  #reload(): void {
    if (this.#broker === undefined) return;
    this.#running = reload(this.#running, this.#request, this.#broker, this.#log);
  }

  #reloadBySignal(): void {
    try {
      this.#reload();
    } catch {
      // It is in the log, and nobody else asked.
    }
  }

  async #reopen(): Promise<void> {
    try {
      this.#log.reopen();
      await this.#audit?.reopen();
      this.#log.log.info("log file reopened");
    } catch (error) {
      this.#log.log.error("the log file can not be opened again; going on in the old one", {
        error: error as Error,
      });
    }
  }

  async #stop(broker: Broker, reason: string): Promise<number> {
    const { log } = this.#log;
    const { options, resolved } = this.#running;
    if (reason === lameDuck) {
      const { lameDuckGracePeriod: graceMs, lameDuckDuration } = resolved.settings;
      this.#retiring = true;
      log.info("entering lame duck mode: clients are told to leave", { graceMs, lameDuckDuration });
      await Promise.race([
        broker.retire({ graceMs, spreadMs: Math.max(0, lameDuckDuration - graceMs) }),
        broker.fatal,
      ]);
    } else {
      log.info("stopping", { signal: reason });
    }
    const { deadlineMs } = options.shutdown;
    const late = setTimeout(() => {
      this.#log.fatal(
        "could not stop in time; leaving as in a crash, accepted messages are safe on disk",
        { deadlineMs },
      );
      process.exit(exitTemporary);
    }, deadlineMs);
    const error = await Promise.race([broker.stop(), broker.fatal]);
    await this.#audit?.close();
    clearTimeout(late);
    if (error !== undefined) return this.#failed(error);
    log.info("stopped");
    return exitOk;
  }

  #failed(error: Error): number {
    this.#log.fatal(
      "the disk failed: the process ends so that nothing is acknowledged that may be lost; check the disk, then start again",
      { dataFolder: this.#dataFolder, err: error },
    );
    return exitDisk;
  }
}

const lameDuck = "lame duck";
/** Of one traced line; payloads are cut before. */
const tracedLengthMax = 262_144;

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
