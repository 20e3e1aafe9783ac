// Spellings that programs which start a nats-server use, turned into ours before flags are read.
// Also keeps Go's habits: one dash before a long name, `=` before a value, `=true` behind a switch.
import { usageError } from "../exit-codes.ts";
import { flagName, settingNames, settingOf } from "./settings.ts";

/** Flags of nats-server that stand for something else here. */
const replacements: Readonly<Record<string, readonly string[]>> = {
  "-D": ["--log-level", "debug"],
  "--debug": ["--log-level", "debug"],
  "-V": ["--trace"],
  "-VV": ["--trace"],
  "-DV": ["--log-level", "debug", "--trace"],
  "-DVV": ["--log-level", "debug", "--trace"],
};

const alone = "mq9 runs alone";
/** Switches of nats-server that change nothing here, with the reason. */
const needless: Readonly<Record<string, string>> = {
  "-js": "mailboxes are always stored",
  "--jetstream": "mailboxes are always stored",
  "-s": "the log goes to standard error or a file",
  "--syslog": "the log goes to standard error or a file",
  "--logtime_utc": "the log has the time of this machine",
};

/** The same, of flags with a value. */
const needlessWithValue: Readonly<Record<string, string>> = {
  "--cluster": alone,
  "--cluster_name": alone,
  "--cluster_listen": alone,
  "--cluster_advertise": alone,
  "--client_advertise": alone,
  "--routes": alone,
  "--connect_retries": alone,
  "--no_advertise": alone,
  "--profile": "Node.js has its own ways to be profiled",
  "--log_size_limit": "something outside turns the log over; see --signal reopen",
  "-r": "the log goes to standard error or a file",
  "--remote_syslog": "the log goes to standard error or a file",
};

/** Flags of nats-server that would protect something, which mq9 serve can not do. */
const missing: readonly string[] = ["-ms", "--https_port"];

/** Arguments in our spelling. */
export interface NormalizedArguments {
  readonly args: string[];
  /** For the log, about those that were passed over. */
  readonly remarks: readonly string[];
  /** `--tls` was there, which only says that certificates have to be. */
  readonly tlsAsked: boolean;
}

/**
 * Rewrites arguments into the spellings the parser knows.
 * @throws {ExitError} for a flag of nats-server that would protect something and has no counterpart
 */
export function normalizeArguments(given: readonly string[]): NormalizedArguments {
  const args: string[] = [];
  const remarks: string[] = [];
  let tlsAsked = false;
  let takesValue = false;
  let skip = false;
  for (const argument of given) {
    if (takesValue || skip) {
      if (takesValue) args.push(argument);
      takesValue = false;
      skip = false;
      continue;
    }
    const [word, value] = splitAtEquals(argument);
    const spelled = spellings.get(word) ?? spellings.get(`-${word}`) ?? word;
    const name = known(spelled) ? spelled : (longForm(word) ?? spelled);
    const reason = needless[name] ?? needlessWithValue[name];
    if (reason !== undefined) {
      remarks.push(`${word} is ignored: ${reason}`);
      skip = needlessWithValue[name] !== undefined && value === undefined;
    } else if (missing.includes(name)) {
      throw usageError(
        `${word}: monitoring is plain HTTP here; use --http-port with something in front of it that encrypts`,
      );
    } else if (name === "--tls") {
      tlsAsked = value !== "false";
    } else if (replacements[name] !== undefined) {
      if (value !== "false") args.push(...replacements[name]);
    } else if (switches.has(name) && (value === "true" || value === "false")) {
      args.push(value === "true" ? name : name.replace("--", "--no-"));
    } else {
      args.push(value === undefined ? name : `${name}=${value}`);
      takesValue = value === undefined && valued.has(name);
    }
  }
  return { args, remarks, tlsAsked };
}

function known(name: string): boolean {
  return switches.has(name) || valued.has(name);
}

/** `-jetstream` is `--jetstream`, as everywhere in Go. */
function longForm(word: string): string | undefined {
  const long = `-${word}`;
  const all = [needless, needlessWithValue, replacements];
  if (/^-[a-z]/.test(word) && all.some((table) => Object.hasOwn(table, long))) return long;
  return long === "--tls" || missing.includes(long) ? long : undefined;
}

/** Only what looks like a flag is split; values keep their equals signs. */
function splitAtEquals(argument: string): [string, string | undefined] {
  const at = argument.indexOf("=");
  if (!argument.startsWith("-") || at < 0) return [argument, undefined];
  return [argument.slice(0, at), argument.slice(at + 1)];
}

/** Our own flags that take no value, and those that do. */
const switches: ReadonlySet<string> = new Set(
  settingNames.filter((name) => settingOf(name).kind.placeholder === undefined).map(flagName),
);
const valued: ReadonlySet<string> = new Set([
  ...settingNames.filter((name) => settingOf(name).kind.placeholder !== undefined).map(flagName),
  "--config",
  "--signal",
]);

/** Every other spelling of a flag and the one the parser knows. */
const spellings: ReadonlyMap<string, string> = new Map([
  ["-c", "--config"],
  ["-config", "--config"],
  ["-sl", "--signal"],
  ["-signal", "--signal"],
  ["-t", "--check-config"],
  ["-v", "--version"],
  ["-version", "--version"],
  ...settingNames.flatMap((name) => {
    const flag = flagName(name);
    const { short, aliases = [] } = settingOf(name);
    const others = [flag.slice(1), ...aliases, ...aliases.map((alias) => alias.replace("--", "-"))];
    // `--max_payload`: nats-server joins words with underscores.
    const underscored = flag.slice(2).replaceAll("-", "_");
    const pairs = [...others, `--${underscored}`, `-${underscored}`].map(
      (other): [string, string] => [other, flag],
    );
    // `-p=4222`: commander would take the equals sign for a part of the value.
    return short === undefined ? pairs : [...pairs, [short, flag] as [string, string]];
  }),
]);
