// The one table of what can be set. Flags, environment names, keys of the configuration file, help
// and --print-config all come from it: `maxPayload` is --max-payload, MQ9_MAX_PAYLOAD, max_payload.
import type { BrokerOptionsInput } from "@mq9/broker";
import { type LimitSettings, limitSettings } from "./settings/limits.ts";
import { type MailSettings, mailSettings } from "./settings/mail.ts";
import { type NetworkSettings, networkSettings } from "./settings/network.ts";
import { type ProcessSettings, processSettings } from "./settings/process.ts";
import type { Setting, SettingTable } from "./settings/setting.ts";

/** The value of every setting of `mq9 serve`. */
export interface Settings extends NetworkSettings, MailSettings, LimitSettings, ProcessSettings {}

export type SettingName = keyof Settings;

/** Every setting, in the order of help. */
export const settingTable: SettingTable<Settings> = {
  ...networkSettings,
  ...mailSettings,
  ...limitSettings,
  ...processSettings,
};

/** The names of all settings, in the order of help. */
export const settingNames: readonly SettingName[] = Object.keys(settingTable) as SettingName[];

/** A setting without its type, for code that treats all alike. */
export function settingOf(name: SettingName): Setting<unknown> {
  return settingTable[name] as unknown as Setting<unknown>;
}

/** `--max-payload` */
export function flagName(name: SettingName): string {
  return `--${dashed(name)}`;
}

/** `MQ9_MAX_PAYLOAD` */
export function environmentName(name: SettingName): string {
  return `MQ9_${dashed(name).replaceAll("-", "_").toUpperCase()}`;
}

/** `max_payload` */
export function fileKey(name: SettingName): string {
  return dashed(name).replaceAll("-", "_");
}

/** The broker's options as the settings have them, not yet checked. */
export function toBrokerOptions(settings: Settings): BrokerOptionsInput {
  const input: Record<string, unknown> = {};
  for (const name of settingNames) {
    const path = settingOf(name).option;
    const value = settings[name];
    if (path === undefined || value === "auto") continue;
    const [group = "", option] = path.split(".");
    if (option === undefined) {
      input[group] = value;
    } else {
      input[group] = { ...(input[group] as object | undefined), [option]: value };
    }
  }
  return input;
}

function dashed(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
