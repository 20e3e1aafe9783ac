// `mq9 serve`: its flags and help, and how flags, environment and file become one set of settings.
// Called by main; running the broker is run-broker.ts.
import { defaultRouterOptions } from "@mq9/router";
import { type Command, InvalidArgumentError, Option } from "commander";
import { readEnvironment } from "../config/environment.ts";
import { readConfigFile } from "../config/file.ts";
import { combineLayers, type Layer, type Resolved } from "../config/layers.ts";
import { flagName, type SettingName, settingNames, settingOf } from "../config/settings.ts";
import { usageError } from "../exit-codes.ts";
import { version } from "../version.ts";
import { sendSignal } from "./signal.ts";

/** What the person asked for. */
export interface ServeRequest {
  readonly resolved: Resolved;
  readonly printConfig: boolean;
  /** Only look whether everything can be used. */
  readonly checkConfig: boolean;
  /** The configuration file; undefined = there is none, so nothing can be read again. */
  readonly configFile: string | undefined;
  /** Reads all layers again. @throws {ExitError} when they can not be used */
  readonly reread: () => Reading;
  /** Started in place of a nats-server. */
  readonly asNatsServer: boolean;
  /** Things that were passed over, for the log. */
  readonly remarks: readonly string[];
}

/** All layers, at one moment. */
export interface Reading {
  readonly resolved: Resolved;
  readonly remarks: readonly string[];
}

export interface ServeContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Remarks made before the flags were read. */
  readonly remarks: readonly string[];
  /** `--tls` was among the arguments. */
  readonly tlsAsked: boolean;
  readonly asNatsServer: boolean;
  readonly run: (request: ServeRequest) => Promise<void>;
}

/** Adds the command to the program. */
export function addServeCommand(program: Command, context: ServeContext): void {
  const command = program
    .command("serve")
    .summary("run the broker")
    .description(description)
    .usage("[options]");
  for (const name of settingNames) {
    for (const option of optionsFor(name)) command.addOption(option);
  }
  command
    .addOption(
      grouped("-c, --config <file>", "file of settings: nats-server's dialect, YAML or JSON"),
    )
    .addOption(grouped("-t, --check-config", "check everything that was set, and exit with 0 or 1"))
    .addOption(grouped("--print-config", "print each setting and where it comes from"))
    .addOption(
      grouped(
        "--signal <command>",
        "tell a running broker: reload, reopen, ldm, stop or quit, =<pid or pid file>",
      ),
    )
    .addOption(grouped("-v, --version", "show the version").hideHelp())
    .addHelpOption(grouped("-h, --help", "show this help"))
    .addHelpText("after", epilogue)
    .action(() => act(command, context));
}

function grouped(flags: string, help: string): Option {
  return new Option(flags, help).helpGroup("Configuration:");
}

async function act(command: Command, context: ServeContext): Promise<void> {
  const { environment, asNatsServer } = context;
  if (command.getOptionValue("version") === true) {
    // Scripts take the number behind `v` for the version of the protocol's server.
    const told = `nats-server: v${defaultRouterOptions.version} (mq9 ${version})`;
    process.stdout.write(`${asNatsServer ? told : `mq9 ${version}`}\n`);
    return;
  }
  const signal: unknown = command.getOptionValue("signal");
  if (typeof signal === "string") {
    process.stdout.write(`${sendSignal(signal)}\n`);
    return;
  }
  const named: unknown = command.getOptionValue("config") ?? environment["MQ9_CONFIG"];
  const configFile = typeof named === "string" && named !== "" ? named : undefined;
  const reread = () => readLayers(command, context, configFile);
  const checkConfig = command.getOptionValue("checkConfig") === true;
  const { resolved, remarks } = reread();
  await context.run({
    resolved,
    remarks,
    reread,
    configFile,
    asNatsServer,
    checkConfig,
    printConfig: command.getOptionValue("printConfig") === true,
  });
}

function readLayers(command: Command, context: ServeContext, file: string | undefined): Reading {
  const { environment } = context;
  const fromEnvironment = readEnvironment(environment);
  const remarks = [...context.remarks, ...fromEnvironment.remarks];
  const layers: Layer[] = [flagLayer(command), fromEnvironment.layer];
  if (file !== undefined) {
    const fromFile = readConfigFile(file, environment);
    layers.push(fromFile);
    remarks.push(...fromFile.remarks);
  }
  const resolved = combineLayers(layers);
  const { settings, blocks } = resolved;
  if (context.tlsAsked && settings.tlsCert === "" && blocks?.tls === undefined) {
    throw usageError("--tls needs --tlscert and --tlskey");
  }
  return { resolved, remarks };
}

function optionsFor(name: SettingName): Option[] {
  const { kind, short, group, help, fallback } = settingOf(name);
  const long = flagName(name);
  const flags = `${short === undefined ? "" : `${short}, `}${long}`;
  if (kind.placeholder === undefined) {
    const off = new Option(long.replace("--", "--no-"), `the opposite of ${long}`).hideHelp();
    return [new Option(flags, help).helpGroup(group), off];
  }
  const written = typeof fallback === "string" ? fallback : kind.format(fallback);
  const option = new Option(
    `${flags} ${kind.placeholder}`,
    written === "" ? help : `${help} [${written}]`,
  ).helpGroup(group);
  return [option.argParser((text) => parseArgument(kind.parse, text))];
}

function parseArgument(parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

function flagLayer(command: Command): Layer {
  const given = settingNames.filter((name) => command.getOptionValueSource(name) === "cli");
  return {
    values: Object.fromEntries(given.map((name) => [name, command.getOptionValue(name)])),
    sources: Object.fromEntries(given.map((name) => [name, `flag ${givenAs(command, name)}`])),
  };
}

function givenAs(command: Command, name: SettingName): string {
  const long = flagName(name);
  return command.getOptionValue(name) === false ? long.replace("--", "--no-") : long;
}

const description = `Runs the broker: a NATS server whose $mq9.AI. subjects are durable mailboxes.
Needs nothing beside it; every NATS client can talk to it.`;

const epilogue = `
Values:
  <size>   bytes, or with a unit: 1048576, 512kb, 1MiB
           (k, m, g count in thousands; kb, kib, mb, mib, ... in 1024s)
  <time>   seconds, or with a unit: 90, 250ms, 90s, 15m, 24h, 7d
  [...]    the default

Each setting has one name in three places; the first that speaks wins:
  flag         --max-payload 8MiB
  environment  MQ9_MAX_PAYLOAD=8MiB
  file         max_payload: 8MiB      (named by --config or MQ9_CONFIG)
A file *.conf is read as nats-server reads it, with users, accounts, tls,
websocket and so on in blocks, and ours in a block mq9 { ... }.
Flags of nats-server work too, as -sd, -D, -V, -js, --http_port, --user, --tls.

Examples:
  Port 4222, data in ./mq9-data:
    mq9 serve
  Any free port, a data folder elsewhere, logs for machines:
    mq9 serve --port -1 --data /var/lib/mq9 --log-format json
  As a nats-server was started until now:
    mq9 serve -c server.conf -P server.pid -m 8222 --log-format nats
  Longer lives and larger messages, kept in a file; see what it comes to:
    mq9 serve --ttl 7d --max-payload 8MiB --print-config > mq9.yaml
    mq9 serve --config mq9.yaml --print-config
  Make the first mailbox, with the nats command line:
    nats --server 127.0.0.1:4222 req '$mq9.AI.MAILBOX.CREATE' '{"ttl":3600}'

Signals:
  SIGTERM, Ctrl-C  takes leave of the clients and stops; a second one stops at
                   once. Neither loses an accepted message.
  SIGUSR2          the same over minutes, serving on meanwhile (lame duck)
  SIGHUP           reads the configuration file again; without one it stops
  SIGUSR1          opens the log file again, after something moved it away

Exit codes:
  0   stopped as asked
  2   a flag, variable or file could not be used
  70  a defect of mq9
  74  the disk failed
  75  could not start (port or data folder in use or not accessible, disk full),
      or could not stop in time
`;
