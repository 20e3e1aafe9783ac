// Spellings that programs which start a nats-server use, turned into ours before flags are read.
// Also keeps Go's habits: one dash before a long name, `=` before a value.
import { usageError } from "../exit-codes.ts";
import { flagName, settingNames, settingOf } from "./settings.ts";

/** Flags of nats-server that stand for something else here. */
const replacements: Readonly<Record<string, readonly string[]>> = {
  "-D": ["--log-level", "debug"],
  "--debug": ["--log-level", "debug"],
  "-V": ["--log-level", "debug"],
  "--trace": ["--log-level", "debug"],
  "-DV": ["--log-level", "debug"],
  "-DVV": ["--log-level", "debug"],
};

/** Flags of nats-server that change nothing here, with the reason. */
const needless: Readonly<Record<string, string>> = {
  "-js": "mailboxes are always stored",
  "--jetstream": "mailboxes are always stored",
};

/** Flags of nats-server that would change something, which mq9 serve can not do. */
const missing: readonly string[] = [
  ..."-m --http_port -ms --https_port --user --pass --auth --users -P --pid -l --log".split(" "),
  ..."--tls --tlscert --tlskey --tlsverify --tlscacert --cluster --cluster_name".split(" "),
  ..."--routes --cluster_listen --ports_file_dir --signal -sl -t".split(" "),
];

/**
 * Rewrites arguments into the spellings the parser knows.
 * @returns the arguments, and remarks for the log about those that were passed over
 * @throws {ExitError} for a flag of nats-server that has no counterpart
 */
export function normalizeArguments(given: readonly string[]): {
  readonly args: string[];
  readonly remarks: readonly string[];
} {
  const args: string[] = [];
  const remarks: string[] = [];
  for (const argument of given) {
    const [word, value] = splitAtEquals(argument);
    const spelled = spellings.get(word) ?? word;
    const reason = needless[spelled];
    if (reason !== undefined) {
      remarks.push(`${argument} is ignored: ${reason}`);
    } else if (missing.includes(spelled)) {
      throw usageError(
        `${word} is an option of nats-server that mq9 serve does not have; see mq9 serve --help`,
      );
    } else if (replacements[spelled] !== undefined) {
      args.push(...replacements[spelled]);
    } else {
      args.push(value === undefined ? spelled : `${spelled}=${value}`);
    }
  }
  return { args, remarks };
}

/** Only what looks like a flag is split; values keep their equals signs. */
function splitAtEquals(argument: string): [string, string | undefined] {
  const at = argument.indexOf("=");
  if (!argument.startsWith("-") || at < 0) return [argument, undefined];
  return [argument.slice(0, at), argument.slice(at + 1)];
}

/** Every other spelling of a flag and the one the parser knows. */
const spellings: ReadonlyMap<string, string> = new Map([
  ["-c", "--config"],
  ["-config", "--config"],
  ...settingNames.flatMap((name) => {
    const flag = flagName(name);
    const { short, aliases = [] } = settingOf(name);
    const others = [flag.slice(1), ...aliases, ...aliases.map((alias) => alias.replace("--", "-"))];
    const pairs = others.map((other): [string, string] => [other, flag]);
    // `-p=4222`: commander would take the equals sign for a part of the value.
    return short === undefined ? pairs : [...pairs, [short, flag] as [string, string]];
  }),
]);
