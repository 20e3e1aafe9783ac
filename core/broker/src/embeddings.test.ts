import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createEmbeddings, type Embeddings } from "./embeddings.ts";
import type { Log, LogFields } from "./log.ts";
import { defaultOptions } from "./options.ts";

/** One request as the endpoint saw it. */
interface Seen {
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly body: { readonly model: string; readonly input: string[] };
}

/** What the endpoint answers: a body, a status, or, for `silence`, nothing at all. */
type Answer = (input: readonly string[]) => object | number | string;

const running: { server: Server; embeddings: Embeddings[] }[] = [];

afterEach(() => {
  for (const { server, embeddings } of running.splice(0)) {
    for (const one of embeddings) one.stop();
    server.closeAllConnections();
    server.close();
  }
});

async function endpoint(answer: Answer): Promise<{
  seen: Seen[];
  logged: string[];
  connect: (more?: { key?: string; timeoutMs?: number; path?: string }) => Embeddings;
}> {
  const seen: Seen[] = [];
  const logged: string[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      const body = JSON.parse(text) as Seen["body"];
      seen.push({ path: request.url, authorization: request.headers.authorization, body });
      const reply = answer(body.input);
      if (reply === "silence") return;
      if (typeof reply === "number") response.writeHead(reply, { location: "/elsewhere" }).end();
      else response.end(typeof reply === "string" ? reply : JSON.stringify(reply));
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const embeddings: Embeddings[] = [];
  running.push({ server, embeddings });
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    logged,
    connect: ({ key, timeoutMs = 5_000, path = "/v1/" } = {}) => {
      const options = {
        ...defaultOptions.registry,
        embeddingsUrl: `http://127.0.0.1:${port}${path}`,
        embeddingsModel: "tiny",
        embeddingsTimeoutMs: timeoutMs,
      };
      const one = createEmbeddings(options, key, logTo(logged)) as Embeddings;
      embeddings.push(one);
      return one;
    },
  };
}

/** A model without a model: counts the letters a, b and c. */
function counted(input: readonly string[]): object {
  const data = input.map((text, index) => ({
    index,
    embedding: ["a", "b", "c"].map((letter) => text.split(letter).length - 1),
  }));
  return { data: data.toReversed() };
}

test("asks the endpoint for all texts at once and puts the vectors in their order", async () => {
  const { seen, connect } = await endpoint(counted);
  const vectors = await connect({ key: "secret" }).embed(["aab", "c"], "now");
  expect(vectors.map((vector) => [...vector])).toEqual([
    [2, 1, 0],
    [0, 0, 1],
  ]);
  expect(seen).toEqual([
    {
      path: "/v1/embeddings",
      authorization: "Bearer secret",
      body: { model: "tiny", input: ["aab", "c"], encoding_format: "float" },
    },
  ]);
});

test("sends no authorization without a key", async () => {
  const { seen, connect } = await endpoint(counted);
  await connect().embed(["a"], "later");
  expect(seen[0]?.authorization).toBe(undefined);
});

const wrong: readonly [string, Answer][] = [
  ["an error", () => 500],
  ["a redirect", () => 302],
  ["no JSON", () => "<html>"],
  ["no data", () => ({})],
  ["a vector too few", () => ({ data: [{ embedding: [1] }] })],
  ["vectors of two lengths", () => ({ data: [{ embedding: [1] }, { embedding: [1, 2] }] })],
  ["one place twice", () => ({ data: [0, 0].map((index) => ({ index, embedding: [1] })) })],
  ["a place beyond", () => ({ data: [0, 7].map((index) => ({ index, embedding: [1] })) })],
  ["texts for numbers", () => ({ data: [{ embedding: ["1"] }, { embedding: ["2"] }] })],
  ["empty vectors", () => ({ data: [{ embedding: [] }, { embedding: [] }] })],
];

test.each(wrong)("rejects %s, and says so in the log without key and texts", async (_, answer) => {
  const { logged, connect } = await endpoint(answer);
  const { embed } = connect({ key: "secret" });
  await expect(embed(["private a", "private b"], "now")).rejects.toThrow();
  await expect(embed(["private a", "private b"], "now")).rejects.toThrow();
  expect(logged.length).toBe(1);
  expect(logged[0]).toContain("searches go by words alone");
  expect(logged[0]).not.toMatch(/secret|private/);
});

test("does not follow a redirect with the key", async () => {
  const { seen, connect } = await endpoint(() => 307);
  await expect(connect({ key: "secret" }).embed(["a"], "now")).rejects.toThrow();
  expect(seen.map(({ path }) => path)).toEqual(["/v1/embeddings"]);
});

test("gives up on an endpoint that stays silent", async () => {
  const { connect } = await endpoint(() => "silence");
  await expect(connect({ timeoutMs: 50 }).embed(["a"], "now")).rejects.toThrow(/timeout/i);
});

test("a stop ends what is under way, quietly", async () => {
  const { logged, connect } = await endpoint(() => "silence");
  const one = connect();
  const pending = one.embed(["a"], "later");
  one.stop();
  await expect(pending).rejects.toThrow();
  expect(logged).toEqual([]);
});

test("there is none without an address", () => {
  expect(createEmbeddings(defaultOptions.registry, "secret", logTo([]))).toBe(undefined);
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function logTo(lines: string[]): Log {
  const line = (msg: string, fields: LogFields = {}): void => {
    const texts = Object.values(fields).map((value) =>
      value instanceof Error ? `${value.message} ${String(value.cause)}` : String(value),
    );
    lines.push([msg, ...texts].join(" "));
  };
  const log: Log = { debug: line, info: line, warn: line, error: line, child: () => log };
  return log;
}
