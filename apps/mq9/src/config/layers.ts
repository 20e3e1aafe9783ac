// Puts the layers on top of each other: flags over environment over file over defaults. Remembers
// where each value came from, for --print-config and for error messages.
import {
  type BrokerOptions,
  type BrokerOptionsInput,
  OptionsError,
  type OutOfRange,
  resolveOptions,
} from "@mq9/broker";
import { usageError } from "../exit-codes.ts";
import { accessOf } from "./access.ts";
import type { FileBlocks } from "./server-file.ts";
import {
  fileKey,
  flagName,
  type SettingName,
  type Settings,
  settingNames,
  settingOf,
  toBrokerOptions,
} from "./settings.ts";

/** What one place says: some of the settings, and for each where it stands. */
export interface Layer {
  readonly values: Readonly<Partial<Record<SettingName, unknown>>>;
  readonly sources: Readonly<Partial<Record<SettingName, string>>>;
  /** Only a file has them. */
  readonly blocks?: FileBlocks | undefined;
}

/** All settings, and where each came from: `default`, `file mq9.yaml`, `flag --port`. */
export interface Resolved {
  readonly settings: Settings;
  readonly sources: Readonly<Record<SettingName, string>>;
  readonly blocks: FileBlocks | undefined;
}

/** Combines layers. @param layers strongest first */
export function combineLayers(layers: readonly Layer[]): Resolved {
  const settings: Partial<Record<SettingName, unknown>> = {};
  const sources: Partial<Record<SettingName, string>> = {};
  for (const name of settingNames) {
    const layer = layers.find(({ values }) => Object.hasOwn(values, name));
    settings[name] = layer === undefined ? settingOf(name).fallback : layer.values[name];
    sources[name] = layer?.sources[name] ?? "default";
  }
  // Every setting was given a value of its own kind just above.
  return {
    settings: settings as unknown as Settings,
    sources: sources as Record<SettingName, string>,
    blocks: layers.find(({ blocks }) => blocks !== undefined)?.blocks,
  };
}

/** Mistakes that are told at once. */
const problemsMax = 10;

/**
 * The broker's options that the settings and blocks ask for; reads the certificates they name.
 * @throws {ExitError} in the words of the command line when they can not be used, with all that is wrong
 */
export function brokerOptionsOf(resolved: Resolved): BrokerOptions {
  const problems = new Map<SettingName, string>();
  for (let { settings } = resolved; ; ) {
    try {
      const options = resolveOptions(inputOf({ ...resolved, settings }));
      if (problems.size === 0) return options;
      break;
    } catch (error) {
      if (!(error instanceof OptionsError)) throw error;
      const culprit = settingNames.find((name) => settingOf(name).option === error.option);
      if (culprit === undefined && problems.size === 0) throw usageError(error.message);
      if (culprit === undefined || problems.has(culprit)) break;
      problems.set(culprit, problemOf(culprit, error, resolved));
      if (problems.size === problemsMax) break;
      // Without it the next mistake shows.
      settings = { ...settings, [culprit]: settingOf(culprit).fallback };
    }
  }
  const [first = "", ...others] = problems.values();
  if (others.length === 0) throw usageError(first);
  const lines = [first, ...others].map((line) => `  ${line}`);
  throw usageError(`these settings can not be used:\n${lines.join("\n")}`);
}

function problemOf(name: SettingName, error: OptionsError, { sources }: Resolved): string {
  const source = sources[name];
  const where = source === "default" ? "" : ` (${source})`;
  const problem =
    error.range === undefined
      ? inWordsOfTheCommandLine(error.message)
      : outOfRange(name, error.range);
  return `${problem}${where}`;
}

function inputOf(resolved: Resolved): BrokerOptionsInput {
  const { auth, authTimeoutMs, tls, websocket } = accessOf(resolved);
  const input = toBrokerOptions(resolved.settings);
  return {
    ...input,
    tls,
    websocket,
    auth,
    limits: { ...input.limits, ...(authTimeoutMs === undefined ? {} : { authTimeoutMs }) },
  };
}

function outOfRange(name: SettingName, { value, lowest, highest }: OutOfRange): string {
  const { format } = settingOf(name).kind;
  return `${fileKey(name)} can not be ${format(value)}: it goes from ${format(lowest)} to ${format(highest)}`;
}

function inWordsOfTheCommandLine(message: string): string {
  let result = message.replace("the insecure option", flagName("insecure"));
  for (const name of settingNames) {
    const { option } = settingOf(name);
    if (option?.includes(".") === true) result = result.replaceAll(option, fileKey(name));
  }
  return result;
}
