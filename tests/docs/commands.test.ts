// Holds the command table against what the dialects understand, in both directions: subjects, verbs,
// fields of bodies, headers; and the fields of replies against a running broker.
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import {
  type Command,
  openRequest,
  defaultDialectOptions as options,
  parsePublish,
  parseSubscribe,
  readSendHeaders,
  deliveryHeaders as renderHeaders,
} from "@mq9/dialects";
import { type MailMessage, mq9ErrorCodes, neverMs } from "@mq9/protocol";
import {
  type CommandEntry,
  commandPrefix,
  commands,
  deliveryHeaders,
  sendHeaders,
} from "@mq9/protocol/commands";
import { repositoryRoot } from "@mq9/testkit";
import { describe, expect, test, vi } from "vitest";

const requests = commands.filter((entry) => entry.kind === "request");
const stranger = { clientName: "", generation: undefined };
const placeholders: Readonly<Record<string, string>> = {
  id: "box",
  p: "normal",
  msg_id: "7",
  scheduled_id: "7",
  group: "=workers",
  count: "1",
  domain: "build",
  event: "done",
};

/** The subject with something in every place. */
function sample(entry: CommandEntry): string {
  const tail = entry.subject.replace(/<(\w+)>/g, (_, name: string) => placeholders[name] ?? "?");
  return commandPrefix + tail;
}

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The body that gives every field of the table its example. */
function fullBody(entry: CommandEntry): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const { name, example, insteadOf } of entry.request ?? []) {
    if (insteadOf !== undefined) continue;
    const [outer = "", inner] = name.split(".");
    if (inner === undefined) body[outer] = example;
    else body[outer] = { ...(body[outer] as object | undefined), [inner]: example };
  }
  return body;
}

/** Every verb there is: the compiler wants them all, and no other. */
const verbs = Object.keys({
  create: 1,
  register: 1,
  unregister: 1,
  report: 1,
  discover: 1,
  query: 1,
  list: 1,
  remove: 1,
  fetch: 1,
  ack: 1,
  search: 1,
  nack: 1,
  extend: 1,
  scheduled: 1,
  purge: 1,
  redrive: 1,
  info: 1,
  renew: 1,
  drop: 1,
  grant: 1,
  grants: 1,
  revoke: 1,
  open: 1,
  discard: 1,
  receipt: 1,
  cancel: 1,
  mailboxes: 1,
} satisfies Record<Command["verb"], 1>);

describe("the command table", () => {
  test("names each operation once, and errors that exist", () => {
    const names = commands.map((entry) => entry.name);
    expect(new Set(names).size).toBe(names.length);
    const codes = new Set(mq9ErrorCodes);
    expect(commands.flatMap((entry) => entry.errors).filter((code) => !codes.has(code))).toEqual(
      [],
    );
  });

  test("has every verb of the dialects as a request, and no other", () => {
    expect(requests.map((entry) => entry.name).toSorted()).toEqual(verbs.toSorted());
  });

  test.each(requests)("request $subject is the verb $name", (entry) => {
    const target = parsePublish(sample(entry), options);
    expect(target).toMatchObject({ kind: "request", command: { verb: entry.name } });
    const { generation } = target as Extract<typeof target, { kind: "request" }>;
    expect(generation ?? "any").toBe(entry.generation);
  });

  test.each(commands.filter((entry) => entry.kind === "publish"))(
    "publish $subject is understood",
    (entry) => {
      const target = parsePublish(sample(entry), options);
      expect(["send", "broadcast", "settle", "plain"]).toContain(target.kind);
      if (target.kind === "plain") expect(target.known).toBe(true);
      if (target.kind === "send") expect(target.generation).toBe(entry.generation);
    },
  );

  test.each(commands.filter((entry) => entry.kind === "subscribe"))(
    "subscription $subject is understood",
    (entry) => {
      const target = parseSubscribe(sample(entry), { ...options, allowTap: true });
      expect(target.kind).not.toBe("refused");
      if (target.kind === "mail") expect(target.generation).toBe(entry.generation);
    },
  );

  test("holds every subject that the sources of the dialects know a word for", () => {
    const known = new Set(commands.map((entry) => entry.subject));
    const unknown = wordsOfDialects().flatMap((word) =>
      ["MAILBOX", "MSG", "AGENT", "PUBLIC"].flatMap((space) =>
        ["", ".<id>", ".<id>.<msg_id>", ".<id>.<scheduled_id>", ".<id>.<p>"]
          .map((tail) => `${space}.${word}${tail}`)
          .filter((subject) => means(subject) && !known.has(subject)),
      ),
    );
    // Two subjects in one shape are listed by the meaning of their last token, and some forms by the longer one.
    expect(unknown.filter((subject) => !hasSibling(subject, known))).toEqual([]);
  });
});

/** Words in capitals that stand alone in a text of the dialects' sources. */
function wordsOfDialects(): string[] {
  const found = sourcesBelow("core/dialects/src").flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/"([A-Z]{3,})"/g)].map(([, word]) => word ?? ""),
  );
  expect(found.length).toBeGreaterThan(20);
  return [...new Set(found)];
}

function sourcesBelow(folder: string): string[] {
  const whole = path.join(repositoryRoot, folder);
  return readdirSync(whole).flatMap((entry) => {
    const below = path.join(folder, entry);
    if (statSync(path.join(repositoryRoot, below)).isDirectory()) return sourcesBelow(below);
    const isSource = entry.endsWith(".ts") && !entry.endsWith(".test.ts");
    return isSource ? [path.join(repositoryRoot, below)] : [];
  });
}

/** The dialects do something with the subject that no other word in its place would get. */
function means(subject: string): boolean {
  const whole = sample({ ...(commands[0] as CommandEntry), subject });
  const published = parsePublish(whole, options);
  const subscribed = parseSubscribe(whole, options);
  const isWord = !/^MAILBOX\.[A-Z]+\.<id>\.<p>$/.test(subject); // MAILBOX.<id>.<p> takes any word
  return (
    isWord &&
    (published.kind === "request" || (subscribed.kind === "mail" && subject.startsWith("MSG")))
  );
}

/** The same word with another tail is in the table: numbers are tokens of names to the parser. */
function hasSibling(subject: string, known: ReadonlySet<string>): boolean {
  const [space, word] = subject.split(".");
  return [...known].some(
    (other) => other === `${space}.${word}` || other.startsWith(`${space}.${word}.`),
  );
}

describe("fields of bodies", () => {
  // These read no body.
  const bodiless = requests.filter((entry) => entry.request === undefined);

  test.each(requests.filter((entry) => entry.request !== undefined))(
    "$subject reads every field of the table, and no other",
    (entry) => {
      const asked = new Set<string>();
      const read = new Set<string>();
      // What one field says may leave another without meaning: each is left out once.
      for (const body of bodiesOf(entry)) {
        const exchange = spied(asked, () =>
          openRequest(commandOf(entry), bytes(body), stranger, options),
        );
        expect(exchange.op, new TextDecoder().decode(refusal(exchange))).toBe(entry.name);
        const ignored = new Set(exchange.ignored);
        for (const name of Object.keys(body)) if (!ignored.has(name)) read.add(name);
      }
      const table = new Set((entry.request ?? []).flatMap(({ name }) => name.split(".")));
      expect([...table].filter((name) => !asked.has(name))).toEqual([]);
      const outer = (entry.request ?? []).map(({ name }) => name.split(".")[0] ?? "");
      expect(outer.filter((name) => !read.has(name))).toEqual([]);
      // Whoever registers may say the same in many ways; the table holds the plain one.
      if (["register", "unregister", "report"].includes(entry.name)) return;
      expect([...asked].filter((name) => !table.has(name))).toEqual([]);
    },
  );

  test.each(
    requests.flatMap((entry) =>
      (entry.request ?? []).filter((field) => field.needed).map((field) => ({ entry, field })),
    ),
  )("$entry.subject needs $field.name", ({ entry, field }) => {
    const body = fullBody(entry);
    delete body[field.name];
    expect(openRequest(commandOf(entry), bytes(body), stranger, options).op).toBe("refused");
  });

  test.each(requests.filter((entry) => entry.request?.every((field) => !field.needed) ?? true))(
    "$subject needs nothing",
    (entry) => {
      // An agent that is not named cannot be meant.
      if (["register", "unregister", "report"].includes(entry.name)) return;
      const body = entry.name === "ack" ? bytes({ msg_id: 1 }) : new Uint8Array();
      expect(openRequest(commandOf(entry), body, stranger, options).op).toBe(entry.name);
    },
  );

  test.each(bodiless)("$subject takes any body", (entry) => {
    const exchange = openRequest(commandOf(entry), bytes({ whatever: 1 }), stranger, options);
    expect(exchange.op).toBe(entry.name);
  });
});

/** The full body, without each field that need not be there, and with each that stands for another. */
function bodiesOf(entry: CommandEntry): Record<string, unknown>[] {
  const full = fullBody(entry);
  const free = (entry.request ?? []).filter(({ needed, name }) => !needed && name in full);
  return [
    full,
    ...free.map(({ name }) => {
      const { [name]: _, ...rest } = full;
      return rest;
    }),
    ...(entry.request ?? []).flatMap(({ name, insteadOf, example }) => {
      if (insteadOf === undefined) return [];
      const { [insteadOf]: _, ...rest } = full;
      return [{ ...rest, [name]: example }];
    }),
  ];
}

/** Runs it and adds every name that it asks an object for. */
function spied<Result>(asked: Set<string>, run: () => Result): Result {
  const hasOwn = Object.hasOwn.bind(Object);
  vi.spyOn(Object, "hasOwn").mockImplementation((object, name) => {
    asked.add(String(name));
    return hasOwn(object, name);
  });
  try {
    return run();
  } finally {
    vi.restoreAllMocks();
  }
}

function commandOf(entry: CommandEntry): Command {
  const target = parsePublish(sample(entry), options);
  if (target.kind !== "request") throw new Error(`${entry.subject} is no request`);
  return target.command;
}

function refusal(exchange: ReturnType<typeof openRequest>): Uint8Array {
  return exchange.op === "refused" ? exchange.refusal : new Uint8Array();
}

describe("headers", () => {
  test.each(sendHeaders.map(({ name }) => name))("%s of a publish is read", (name) => {
    const values: Readonly<Record<string, string>> = {
      "mq9-ttl": "60",
      "mq9-delay": "1",
      "mq9-hops": "1",
    };
    const value = values[name] ?? "urgent";
    const block = new TextEncoder().encode(`NATS/1.0\r\n${name}: ${value}\r\n\r\n`);
    const { headers: _, ...read } = readSendHeaders(block);
    expect(Object.values(read).filter((found) => found !== undefined)).toHaveLength(1);
  });

  test("no other name with mq9- is asked for in the sources", () => {
    const source = path.join(repositoryRoot, "core/dialects/src/msg/send-headers.ts");
    const named = [...readFileSync(source, "utf8").matchAll(/"(mq9-[a-z-]*[a-z])"/g)];
    const known = new Set(sendHeaders.map(({ name }) => name));
    expect(named.map(([, name]) => name ?? "").filter((name) => !known.has(name))).toEqual([]);
  });

  test("a delivery carries those of the table, and no other", () => {
    const message: MailMessage = {
      msgId: 1,
      mailbox: "a",
      rank: 2,
      label: "normal",
      createdAtMs: 0,
      expiresAtMs: neverMs,
      key: "k",
      headers: undefined,
      payload: new Uint8Array(),
      tags: ["t"],
      from: "u",
      deliveryCount: 1,
      dead: {
        mailbox: "b",
        msgId: 1,
        group: "g",
        deliveries: 1,
        cause: "poison",
        reason: "no",
        atMs: 0,
      },
    };
    const lines = renderHeaders(message, true).trimEnd().split("\r\n");
    const names = lines.map((line) => line.slice(0, line.indexOf(":")));
    expect(names.toSorted()).toEqual(deliveryHeaders.map(({ name }) => name).toSorted());
  });
});
