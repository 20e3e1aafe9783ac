// What of the broker stands in the way: whether it is there, lets one in, speaks our protocol, stores and
// hands out mail, and what its monitoring says. Called by ../commands/doctor.ts. Makes one mailbox with an
// unguessable name and drops it again.
import { connect as connectSocket } from "node:net";
import { Mq9Error } from "@mq9/protocol";
import type { Mq9 } from "@mq9/sdk";
import type { ConnectionFacts } from "../cli/connection.ts";
import type { CliError } from "../cli/exit-codes.ts";
import type { Finding } from "../cli/findings.ts";
import { withoutSecrets } from "../cli/session.ts";
import { approximateBytes } from "../config/units.ts";
import { version } from "../version.ts";

/** Clocks that differ by more make people misread deadlines. */
const clockMs = 5_000;
const probeMs = 1_500;

/** Why there is no connection, as exactly as can be found out. */
export async function explainNoConnection(
  error: CliError,
  facts: ConnectionFacts,
): Promise<Finding[]> {
  const shown = withoutSecrets(facts.url);
  if (error.reason === "unauthorized") {
    const text = `the broker at ${shown} is there and did not let you in`;
    const next = "Say who you are, with --user, --token, --creds or --context: mq9 help connection";
    return [{ code: "auth", level: "fail", text, next }];
  }
  const first = facts.url.split(",")[0] ?? facts.url;
  const url = new URL(first.includes("://") ? first : `nats://${first}`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || defaultPort(url.protocol));
  const met = await whoListens(host, port);
  const where = facts.source === "default" ? "" : ` (from ${facts.source})`;
  if (met === "nobody") {
    const text = `nobody listens at ${shown}${where}`;
    const next = isHere(host)
      ? "Start a broker here: mq9 serve"
      : "Start the broker there, or name the right address: --url";
    return [{ code: "unreachable", level: "fail", text, next }];
  }
  if (met === "unknown host") {
    const text = `nobody knows the host ${host}${where}`;
    return [{ code: "unknown_host", level: "fail", text, next: "Correct the address: --url" }];
  }
  if (met === "silence") {
    const text = `${host} did not answer on port ${port}${where}: a firewall may be between`;
    return [
      { code: "no_answer", level: "fail", text, next: "Open the port, or use another address." },
    ];
  }
  // Who speaks TLS or HTTP first greets nobody: what the connection met says more.
  if (met === "other" && url.protocol === "nats:") {
    const text = `something answers on port ${port} of ${host} that is no broker: the port is taken`;
    return [
      {
        code: "port_conflict",
        level: "fail",
        text,
        next: "Start the broker on another: mq9 serve --port -1",
      },
    ];
  }
  const next = error.hint ?? "Look at the broker's log.";
  return [{ code: "unreachable", level: "fail", text: error.message, next }];
}

function defaultPort(protocol: string): number {
  return protocol === "ws:" ? 80 : protocol === "wss:" ? 443 : 4222;
}

export function isHere(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host);
}

type Met = "nobody" | "unknown host" | "silence" | "other" | "broker";

/** What greets on a port: a broker says INFO first. */
function whoListens(host: string, port: number): Promise<Met> {
  return new Promise((resolve) => {
    const socket = connectSocket({ host, port });
    let connected = false;
    const end = (met: Met) => {
      socket.destroy();
      resolve(met);
    };
    socket.setTimeout(probeMs, () => end(connected ? "other" : "silence"));
    socket.once("connect", () => {
      connected = true;
    });
    socket.once("data", (chunk) =>
      end(chunk.toString("latin1").startsWith("INFO ") ? "broker" : "other"),
    );
    socket.once("close", () => end("other"));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => {
      end(
        code === "ENOTFOUND" || code === "EAI_AGAIN"
          ? "unknown host"
          : connected
            ? "other"
            : "nobody",
      );
    });
  });
}

/** Everything that needs a connection. */
export async function checkBroker(mq9: Mq9, facts: ConnectionFacts): Promise<Finding[]> {
  await mq9.flush();
  const askedMs = performance.now();
  await mq9.flush();
  const rttMs = performance.now() - askedMs;
  const { server } = mq9;
  const shown = withoutSecrets(facts.url);
  const findings: Finding[] = [
    {
      code: "reachable",
      level: "ok",
      text: `connected to ${shown} (from ${facts.source}), ${rttMs.toFixed(1)} ms away`,
    },
  ];
  if (server.foreign) {
    const text = `the broker is not ours (version ${server.version}); what it can not do is refused by name`;
    findings.push({ code: "foreign", level: "note", text });
  } else if (server.version !== version) {
    const text = `the broker is of version ${server.version}, this command line of ${version}`;
    findings.push({ code: "version", level: "note", text });
  } else {
    findings.push({
      code: "version",
      level: "ok",
      text: `broker and command line are of version ${version}`,
    });
  }
  findings.push(...(await checkMail(mq9, server.foreign)));
  return findings;
}

/** Sends a message to a mailbox made for it, and reads it. */
async function checkMail(mq9: Mq9, foreign: boolean): Promise<Finding[]> {
  try {
    const startedMs = performance.now();
    const mailbox = await mq9.createMailbox({ ttlSeconds: 60 });
    try {
      await mailbox.send("doctor");
      const storedMs = performance.now() - startedMs;
      const beforeMs = Date.now();
      const [message] = await mailbox.query({ limit: 1 });
      const findings: Finding[] = [
        message?.text() === "doctor"
          ? {
              code: "mail",
              level: "ok",
              text: `mail is stored and read: ${storedMs.toFixed(0)} ms to make a mailbox and send`,
            }
          : {
              code: "mail",
              level: "fail",
              text: "a message was accepted and can not be read",
              next: "Look at the broker's log.",
            },
      ];
      if (message !== undefined) findings.push(checkClock(message.createdAt.getTime(), beforeMs));
      return findings;
    } finally {
      // best effort: it ends by itself within a minute.
      await mailbox.drop().catch(() => {});
    }
  } catch (error) {
    if (!(error instanceof Mq9Error)) throw error;
    return [aboutRefusal(error, foreign)];
  }
}

function aboutRefusal({ code, message }: Mq9Error, foreign: boolean): Finding {
  if (code === "insufficient_storage") {
    return { code: "mail", level: "fail", text: message, next: "Free space on the broker's disk." };
  }
  if (code === "forbidden" && message.includes("inboxPrefix")) {
    return {
      code: "no_inbox",
      level: "fail",
      text: "this user may not hear answers in an inbox of any name: its rights name a prefix",
      next: "Say which: --inbox-prefix _INBOX_<user>, or MQ9_INBOX_PREFIX",
    };
  }
  if (code === "forbidden") {
    const text = `this user may not make mailboxes: ${message}`;
    return { code: "mail_forbidden", level: "note", text };
  }
  if (code === "unsupported") {
    const next = foreign ? "Start a broker with: mq9 serve" : undefined;
    return {
      code: "not_mq9",
      level: "fail",
      text: "it is a NATS server without mailboxes: nobody answers there for mq9",
      ...(next === undefined ? {} : { next }),
    };
  }
  return { code: "mail", level: "fail", text: `mail is refused: ${message}` };
}

/** The wire tells whole seconds. */
function checkClock(brokerMs: number, hereMs: number): Finding {
  const aheadMs = brokerMs - hereMs;
  const differs = aheadMs > 0 ? aheadMs > clockMs : aheadMs < -clockMs - 1_000;
  if (!differs) {
    return {
      code: "clock",
      level: "ok",
      text: "the clocks of the broker and of this machine agree",
    };
  }
  const seconds = Math.abs(Math.round(aheadMs / 1_000));
  return {
    code: "clock",
    level: "warn",
    text: `the broker's clock is ${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} this machine's: deadlines and ages look wrong here`,
    next: "Set both by NTP.",
  };
}

/** What `/varz` tells beyond a connection. */
interface MailFigures {
  readonly ready: boolean;
  readonly disk?: { readonly state?: string; readonly free_bytes?: number };
  readonly clock?: { readonly suspect?: boolean };
}

/** @param url of the monitoring port; undefined = look at the usual one, and say nothing when none is there */
export async function checkMonitoring(
  mq9: Mq9,
  url: string | undefined,
  host: string,
): Promise<Finding[]> {
  const base = url ?? `http://${host}:8222`;
  try {
    const answer = await fetch(new URL("varz", base.endsWith("/") ? base : `${base}/`), {
      signal: AbortSignal.timeout(probeMs),
    });
    const varz = (await answer.json()) as { server_id?: string; mq9?: MailFigures };
    if (varz.mq9 === undefined) throw new Error("no broker of ours answers there");
    if (varz.server_id !== mq9.connection.info?.server_id) {
      throw new Error("another broker answers there");
    }
    return aboutFigures(varz.mq9);
  } catch (error) {
    if (url === undefined) return [];
    const text = `monitoring at ${base} can not be read: ${(error as Error).message}`;
    const next = "Start the broker with --http-port, or correct --monitoring";
    return [{ code: "monitoring", level: "warn", text, next }];
  }
}

function aboutFigures({ ready, disk, clock }: MailFigures): Finding[] {
  const free =
    disk?.free_bytes === undefined ? "" : `, ${approximateBytes(disk.free_bytes)} free on its disk`;
  const findings: Finding[] = [
    ready
      ? { code: "ready", level: "ok", text: `the broker says that it is ready${free}` }
      : {
          code: "ready",
          level: "fail",
          text: `the broker says that it is not ready${free}`,
          next: "Look at /readyz of its monitoring port.",
        },
  ];
  if (disk?.state === "soft" || disk?.state === "hard") {
    const text = "the broker's disk is nearly full: it stores nothing new";
    findings.push({
      code: "broker_disk",
      level: "fail",
      text,
      next: "Free space on the broker's disk.",
    });
  }
  if (clock?.suspect === true) {
    const text = "the broker does not believe its machine's clock";
    findings.push({ code: "broker_clock", level: "warn", text, next: "Set it by NTP." });
  }
  return findings;
}
