// What a client can do to take the processor: floods and structures that are expensive to work with.
// Each attack is a stream of bytes of one connection; answers are read and dropped.
import { connect } from "node:net";
import { pause } from "./server.ts";

/** Makes the bytes of one connection, chunk by chunk; called until the time is over. */
export type Attack = (connection: number) => (chunk: number) => string;

const quiet = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n';
const verbose = 'CONNECT {"verbose":true,"pedantic":true,"headers":true,"no_responders":true}\r\n';
const chunkLines = 1_000;

function lines(make: (line: number) => string, count = chunkLines): string {
  let text = "";
  for (let at = 0; at < count; at += 1) text += make(at);
  return text;
}

/** A literal or a `*` for each bit: patterns that all have to be walked for one subject. */
function deepPattern(bits: number, depth: number, last: string): string {
  const tokens: string[] = [];
  for (let at = 0; at < depth; at += 1) tokens.push((bits >> at) & 1 ? "*" : "a");
  return [...tokens, last].join(".");
}

const depth = 40;
const deepSubject = `${"a.".repeat(depth)}c`;

/** All attacks by name. PING is said by `attack` only, and by the flood of it. */
export const attacks: Readonly<Record<string, Attack>> = {
  "PING flood": () => (chunk) => (chunk === 0 ? quiet : "") + "PING\r\n".repeat(5_000),
  "+OK flood": (connection) => (chunk) =>
    (chunk === 0 ? verbose : "") + `PUB ok.${connection} 0\r\n\r\n`.repeat(2_000),
  "CONNECT flood": () => () => quiet.repeat(300),
  "SUB and UNSUB churn": (connection) => (chunk) =>
    (chunk === 0 ? quiet : "") +
    lines((line) => `SUB churn.${connection}.*.${line}.> ${line}\r\nUNSUB ${line}\r\n`),
  "UNSUB flood": () => (chunk) =>
    (chunk === 0 ? quiet : "") + lines((line) => `UNSUB x${line}\r\n`),
  "unique subjects": (connection) => (chunk) =>
    (chunk === 0 ? quiet : "") + lines((line) => `PUB u.${connection}.${chunk}.${line} 0\r\n\r\n`),
  "deep patterns": () => (chunk) =>
    chunk === 0
      ? quiet + lines((line) => `SUB ${deepPattern(line, depth, `b${line}`)} ${line}\r\n`)
      : lines((line) => `PUB ${deepSubject}${chunk}x${line} 0\r\n\r\n`, 20),
  "subjects of 2,000 tokens": () => (chunk) =>
    (chunk === 0
      ? quiet + lines((line) => `SUB ${"*.".repeat(line % 60)}> ${line}\r\n`, 200)
      : "") + lines((line) => `PUB ${"t.".repeat(1_990)}${line} 0\r\n\r\n`, 20),
  "requests to nobody": (connection) => (chunk) =>
    (chunk === 0 ? `${quiet}SUB _INBOX.${connection}.> 1\r\n` : "") +
    lines((line) => `PUB nobody.${line} _INBOX.${connection}.${line} 0\r\n\r\n`),
  "replies to the mail space": (connection) => (chunk) =>
    (chunk === 0 ? quiet : "") +
    lines((line) => `PUB r.${line} $mq9.AI.MAILBOX.MSG.r${connection} 0\r\n\r\n`),
  "malformed mail requests": () => (chunk) =>
    (chunk === 0 ? quiet : "") +
    lines((line) => `PUB $mq9.AI.MAILBOX.CREATE _INBOX.x.${line} 2\r\n{]\r\n`, 200),
};

/**
 * Runs one attack from some connections. Connections that the broker closes are opened again.
 * @returns bytes sent
 */
export async function attack(
  port: number,
  name: string,
  connections: number,
  forMs: number,
): Promise<number> {
  const make = attacks[name];
  if (make === undefined) throw new Error(`there is no attack ${name}`);
  const endMs = performance.now() + forMs;
  let sentBytes = 0;
  const one = async (connection: number): Promise<void> => {
    while (performance.now() < endMs) {
      const socket = connect({ host: "127.0.0.1", port });
      let closed = false;
      socket.on("error", () => undefined); // an attacker that is thrown out comes again
      socket.on("close", () => {
        closed = true;
      });
      let pings = 0;
      let pongs = 0;
      let tail = "";
      socket.on("data", (bytes: Buffer) => {
        const text = tail + bytes.toString("latin1");
        const parts = text.split("PONG");
        pongs += parts.length - 1;
        tail = (parts.at(-1) ?? "").slice(-3);
      });
      const next = make(connection);
      for (let chunk = 0; !closed && performance.now() < endMs; chunk += 1) {
        const text = `${next(chunk)}PING\r\n`;
        sentBytes += text.length;
        socket.write(Buffer.from(text, "latin1"));
        const more = text.split("PING").length - 1;
        pings += more;
        // Two chunks ahead: what kernels buffer would keep the broker busy long after the attack.
        do await pause(1);
        while (pings - pongs > 2 * more && !closed && performance.now() < endMs);
      }
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, at) => one(at)));
  return sentBytes;
}
