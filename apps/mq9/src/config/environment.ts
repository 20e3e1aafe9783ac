// The environment layer: MQ9_* variables. Called once by the serve command.
import { usageError } from "../exit-codes.ts";
import { closest } from "./closest.ts";
import type { Layer } from "./layers.ts";
import { environmentName, settingNames, settingOf } from "./settings.ts";

/** Names that belong to other commands and programs; they are no misspelling of ours. */
const foreignNames = ["MQ9_CONFIG", "MQ9_URL", "MQ9_CREDS", "MQ9_AGENT", "MQ9_EMBEDDINGS_KEY"];

/**
 * Reads the settings that the environment holds. An empty variable counts as not set.
 * @returns the layer, and remarks for the log about variables that were passed over
 * @throws {ExitError} when a value can not be read
 */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): {
  readonly layer: Layer;
  readonly remarks: readonly string[];
} {
  const values: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  const remarks: string[] = [];
  for (const name of settingNames) {
    const variable = environmentName(name);
    const text = environment[variable]?.trim();
    if (text === undefined || text === "") continue;
    if (isServiceLink(text)) {
      remarks.push(
        `${variable}=${text} is ignored: it describes a Kubernetes service named mq9 and is no setting`,
      );
      continue;
    }
    try {
      values[name] = settingOf(name).kind.parse(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw usageError(`environment variable ${variable}: ${error.message}`);
    }
    sources[name] = `environment ${variable}`;
  }
  return { layer: { values, sources }, remarks: [...remarks, ...misspelled(environment)] };
}

/** In a pod beside a service named `mq9`, MQ9_PORT is `tcp://10.0.0.1:4222`. */
function isServiceLink(text: string): boolean {
  return /^(?:tcp|udp|sctp):\/\//.test(text);
}

function misspelled(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = settingNames.map(environmentName);
  const remarks: string[] = [];
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith("MQ9_") || known.includes(variable)) continue;
    if (foreignNames.includes(variable)) continue;
    const meant = closest(variable, known);
    if (meant !== undefined && !variable.startsWith(`${meant}_`)) {
      remarks.push(`${variable} is ignored: mq9 serve has no such setting; did you mean ${meant}?`);
    }
  }
  return remarks;
}
