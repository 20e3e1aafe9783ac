// A registered agent as the registry keeps it, and as bytes in the store. Called by the registry
// alone; the bytes are nobody's protocol: a version, two lengths, a JSON head, then the bodies.
import { type AgentFacts, type AgentSkill, neverMs } from "@mq9/protocol";
import type { StoredPlace } from "../slot.ts";

// Every JavaScript runtime has these; the pure compiler profile does not know them.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

/** What is stored of one agent. */
export interface AgentRecord {
  readonly name: string;
  mailbox: string | undefined;
  owner: string | undefined;
  facts: AgentFacts;
  body: Uint8Array;
  readonly registeredAtMs: number;
  lastSeenAtMs: number;
  /** Its latest report; undefined = it never reported, so silence says nothing about it. */
  report: Uint8Array | undefined;
  /** Its mailbox was there once: when it is not there any more, it ended. */
  mailboxKnown: boolean;
}

/** An agent in memory. */
export interface Entry extends AgentRecord {
  /** When its mailbox ends or ended; undefined = there never was one of that name. */
  mailboxEndsAtMs: number | undefined;
  /** Where its record lies. */
  place: StoredPlace | undefined;
  /** Grows with every change of what can be searched. */
  version: number;
}

const format = 1;
const headStart = 9;

/** @returns bytes that `decodeAgent` reads back */
export function encodeAgent(agent: AgentRecord): Uint8Array {
  const { body, report, ...plain } = agent;
  const head = new TextEncoder().encode(
    JSON.stringify({
      name: plain.name,
      mailbox: plain.mailbox,
      owner: plain.owner,
      facts: plain.facts,
      registeredAtMs: plain.registeredAtMs,
      lastSeenAtMs: plain.lastSeenAtMs,
      mailboxKnown: plain.mailboxKnown,
      reports: report !== undefined,
    }),
  );
  const bytes = new Uint8Array(headStart + head.length + body.length + (report?.length ?? 0));
  bytes[0] = format;
  putLength(bytes, 1, head.length);
  putLength(bytes, 5, body.length);
  bytes.set(head, headStart);
  bytes.set(body, headStart + head.length);
  if (report !== undefined) bytes.set(report, headStart + head.length + body.length);
  return bytes;
}

/** @returns undefined when the bytes are of a format this release does not know */
export function decodeAgent(bytes: Uint8Array): AgentRecord | undefined {
  if (bytes.length < headStart || bytes[0] !== format) return undefined;
  const headEnd = headStart + lengthAt(bytes, 1);
  const bodyEnd = headEnd + lengthAt(bytes, 5);
  if (bodyEnd > bytes.length) return undefined;
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(headStart, headEnd))) as Head;
  return {
    name: head.name,
    mailbox: head.mailbox,
    owner: head.owner,
    facts: head.facts,
    body: bytes.subarray(headEnd, bodyEnd),
    registeredAtMs: head.registeredAtMs,
    lastSeenAtMs: head.lastSeenAtMs,
    report: head.reports ? bytes.subarray(bodyEnd) : undefined,
    mailboxKnown: head.mailboxKnown,
  };
}

interface Head {
  readonly name: string;
  readonly mailbox?: string;
  readonly owner?: string;
  readonly facts: AgentFacts;
  readonly registeredAtMs: number;
  readonly lastSeenAtMs: number;
  readonly mailboxKnown: boolean;
  readonly reports: boolean;
}

function putLength(bytes: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < 4; i += 1) bytes[at + i] = (length >>> (24 - 8 * i)) & 0xff;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  let length = 0;
  for (let i = 0; i < 4; i += 1) length = length * 256 + (bytes[at + i] as number);
  return length;
}

/** The instant from which an agent's mailbox is not there. */
export function endOfMailbox(
  record: { readonly dropped: boolean; readonly expiresAtMs: number } | undefined,
  known: boolean,
): number | undefined {
  if (record === undefined) return known ? 0 : undefined;
  return record.dropped ? 0 : Math.min(record.expiresAtMs, neverMs);
}

export function skillText(skill: AgentSkill): string {
  return [skill.id, skill.name, skill.description, ...skill.tags, ...skill.examples].join("\n");
}

/** Compares bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
