// `mq9 serve`: its flags and help, and how flags, environment and file become one set of settings.
// Called by main; running the broker is run-broker.ts.
import { type Command, InvalidArgumentError, Option } from "commander";
import { readEnvironment } from "../config/environment.ts";
import { readConfigFile } from "../config/file.ts";
import { combineLayers, type Layer, type Resolved } from "../config/layers.ts";
import { flagName, type SettingName, settingNames, settingOf } from "../config/settings.ts";

/** What the person asked for. */
export interface ServeRequest {
  readonly resolved: Resolved;
  readonly printConfig: boolean;
  /** Things that were passed over, for the log. */
  readonly remarks: readonly string[];
}

export interface ServeContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Remarks made before the flags were read. */
  readonly remarks: readonly string[];
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
      new Option("-c, --config <file>", "YAML or JSON file of settings").helpGroup(
        "Configuration:",
      ),
    )
    .addOption(
      new Option("--print-config", "print each setting and where it comes from").helpGroup(
        "Configuration:",
      ),
    )
    .addHelpOption(new Option("-h, --help", "show this help").helpGroup("Configuration:"))
    .addHelpText("after", epilogue)
    .action(async () => {
      const { environment } = context;
      const fromEnvironment = readEnvironment(environment);
      const file: unknown = command.getOptionValue("config") ?? environment["MQ9_CONFIG"];
      const layers = [flagLayer(command), fromEnvironment.layer];
      if (typeof file === "string" && file !== "") layers.push(readConfigFile(file));
      await context.run({
        resolved: combineLayers(layers),
        printConfig: command.getOptionValue("printConfig") === true,
        remarks: [...context.remarks, ...fromEnvironment.remarks],
      });
    });
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
Spellings of nats-server work too: --addr, --net, --server_name, -sd,
--store_dir, -D, -V.

Examples:
  Port 4222, data in ./mq9-data:
    mq9 serve
  Any free port, a data folder elsewhere, logs for machines:
    mq9 serve --port -1 --data /var/lib/mq9 --log-format json
  Longer lives and larger messages, kept in a file; see what it comes to:
    mq9 serve --ttl 7d --max-payload 8MiB --print-config > mq9.yaml
    mq9 serve --config mq9.yaml --print-config
  Make the first mailbox, with the nats command line:
    nats --server 127.0.0.1:4222 req '$mq9.AI.MAILBOX.CREATE' '{"ttl":3600}'

Signals:
  Ctrl-C or SIGTERM takes leave of the clients and stops; a second one stops at
  once. Neither loses an accepted message.

Exit codes:
  0   stopped as asked
  2   a flag, variable or file could not be used
  70  a defect of mq9
  74  the disk failed
  75  could not start (port or data folder in use or not accessible, disk full),
      or could not stop in time
`;
