// The body of a request to all servers: its options, and whether this server is one of those meant.
// A server that is not stays silent, so that the asker counts only those it asked.
import type { ServerInfo } from "@mq9/router";
import { bodyParameters, MonitorError, type Parameters } from "../monitor/parameters.ts";
import { SystemError } from "./envelope.ts";

/** Options are few and short. */
const bodyBytesMax = 65_536;

/** Options of a request, and who is to answer it. */
export interface SystemBody {
  readonly parameters: Parameters;
  readonly isForUs: boolean;
}

/** @throws {SystemError} 400 when it is no JSON object, or a field has the wrong type */
export function parseBody(payload: Buffer, server: ServerInfo): SystemBody {
  const parameters = bodyParameters(objectOf(payload));
  try {
    return { parameters, isForUs: isMeant(parameters, server) };
  } catch (error) {
    if (error instanceof MonitorError) throw new SystemError(400, error.message);
    throw error;
  }
}

function objectOf(payload: Buffer): Readonly<Record<string, unknown>> {
  if (payload.length === 0) return {};
  if (payload.length > bodyBytesMax) {
    throw new SystemError(400, `the body of the request is longer than ${bodyBytesMax} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(payload.toString("utf8"));
  } catch {
    throw new SystemError(400, "the body of the request is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SystemError(400, "the body of the request is not a JSON object");
  }
  return value as Readonly<Record<string, unknown>>;
}

/** One server without a cluster, domain or tags: asking for any of those means others. */
function isMeant(parameters: Parameters, { serverName, host }: ServerInfo): boolean {
  const isExact = parameters.flag("exact_match") ?? false;
  const fits = (asked: string | undefined, own: string): boolean =>
    asked === undefined || (isExact ? asked === own : own.includes(asked));
  return (
    fits(parameters.text("server_name"), serverName) &&
    fits(parameters.text("host"), host) &&
    fits(parameters.text("cluster"), "") &&
    fits(parameters.text("domain"), "") &&
    (parameters.texts("tags") ?? []).length === 0
  );
}
