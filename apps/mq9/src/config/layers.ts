// Puts the layers on top of each other: flags over environment over file over defaults. Remembers
// where each value came from, for --print-config and for error messages.
import { type BrokerOptions, OptionsError, type OutOfRange, resolveOptions } from "@mq9/broker";
import { usageError } from "../exit-codes.ts";
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
}

/** All settings, and where each came from: `default`, `file mq9.yaml`, `flag --port`. */
export interface Resolved {
  readonly settings: Settings;
  readonly sources: Readonly<Record<SettingName, string>>;
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
  };
}

/**
 * The broker's options that the settings ask for.
 * @throws {ExitError} in the words of the command line when they can not be used
 */
export function brokerOptionsOf({ settings, sources }: Resolved): BrokerOptions {
  try {
    return resolveOptions(toBrokerOptions(settings));
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const culprit = settingNames.find((name) => settingOf(name).option === error.option);
    if (culprit === undefined) throw usageError(error.message);
    const source = sources[culprit];
    const where = source === "default" ? "" : ` (${source})`;
    const problem =
      error.range === undefined
        ? inWordsOfTheCommandLine(error.message)
        : outOfRange(culprit, error.range);
    throw usageError(`${problem}${where}`);
  }
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
