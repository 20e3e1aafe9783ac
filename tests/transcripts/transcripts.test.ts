// Replays every golden transcript against this broker and against a real nats-server.
// REAL_ONLY=1 leaves the broker out: for writing transcripts.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connectRaw, findPeer } from "@mq9/testkit";
import { afterAll, describe, expect, test, vi } from "vitest";
import { differences } from "./exceptions.ts";
import { replay, type Target } from "./replay.ts";
import { brokers, natsServers } from "./servers.ts";
import { parseTranscript, type Transcript } from "./transcript.ts";

// Longer than the helpers wait, so that they say what they waited for.
vi.setConfig({ testTimeout: 90_000 });

const folder = new URL("./wire/", import.meta.url);
const transcripts = filesIn(folder).map((file) => ({ file, transcript: read(file) }));
const realOnly = process.env["REAL_ONLY"] !== undefined;
const peer = findPeer("nats-server");
const real = natsServers();
const ours = brokers();
afterAll(async () => {
  await Promise.all([real.stop(), ours.stop()]);
});

describe.each(transcripts)("$file: $transcript.title", ({ file, transcript }) => {
  const expected = expectedRecord(transcript);
  const differs = differences.some((difference) => difference.file === file);

  test.skipIf(realOnly)("this broker answers as the file says", async () => {
    expect(await replay(transcript, await ours.target(transcript.setup))).toEqual(expected);
  });

  // Not where the connection closes: bytes that come after the close reset it, and the reset may
  // overtake the answer.
  const closes = transcript.steps.some((step) => step.do === "end" && step.closed);
  test.skipIf(realOnly || closes)("this broker answers the same in pieces of 3 bytes", async () => {
    const target = await ours.target(transcript.setup);
    expect(await replay(transcript, target, 3)).toEqual(expected);
  });

  // Both are held against one expectation, so they are held against each other.
  const inReality = differs ? read(`nats-server/${file}`) : transcript;
  const title = differs ? "nats-server answers in its own way" : "nats-server answers the same";
  // Again when it fails: the connection that saw the real server come up may still count as one.
  test.skipIf(peer.path === undefined)(title, { retry: 2 }, async () => {
    const record = await replay(inReality, await real.target(inReality.setup));
    expect(record).toEqual(expectedRecord(inReality));
  });
});

describe("INFO", () => {
  // What published clients look up without asking whether it is there, with the type they expect.
  const needed: Readonly<Record<string, string>> = {
    server_id: "string",
    server_name: "string",
    version: "string",
    proto: "number",
    go: "string",
    host: "string",
    port: "number",
    headers: "boolean",
    max_payload: "number",
    client_id: "number",
    client_ip: "string",
  };

  const check = async (target: Target): Promise<void> => {
    await using client = await connectRaw(target.port, null);
    const types = Object.keys(needed).map((key) => [key, typeof client.info[key]]);
    expect(Object.fromEntries(types)).toEqual(needed);
    expect(client.info["server_id"]).toMatch(/^N[A-Z2-7]{55}$/);
    expect(client.info["version"]).toMatch(/^2\.\d+\.\d+$/);
    expect(client.info).toMatchObject({ proto: 1, headers: true, max_payload: 1_048_576 });
    expect(client.info).toMatchObject({ port: target.port, client_ip: "127.0.0.1" });
    // A client that reads these as true would wait for a handshake that never comes.
    expect(client.info["tls_required"] ?? false).toBe(false);
    expect(client.info["tls_available"] ?? false).toBe(false);
    expect(client.info["auth_required"] ?? false).toBe(false);
  };

  test.skipIf(realOnly)("of this broker has what clients need", async () => {
    await check(await ours.target({}));
  });
  test.skipIf(peer.path === undefined)("of nats-server has the same", async () => {
    await check(await real.target({}));
  });
});

test("every documented difference is a real one, sends the same and has a reason", () => {
  const documented = differences.map((difference) => difference.file);
  expect(documented.toSorted()).toEqual(filesIn(new URL("nats-server/", folder)));
  for (const { file, reason } of differences) {
    const [here, there] = [read(file), read(`nats-server/${file}`)];
    expect(expectedRecord(here)).not.toEqual(expectedRecord(there));
    expect(sent(here)).toEqual(sent(there));
    expect(reason.length).toBeGreaterThan(20);
  }
});

function filesIn(where: URL): string[] {
  const names = readdirSync(fileURLToPath(where));
  return names.filter((name) => name.endsWith(".txt")).toSorted();
}

function read(file: string): Transcript {
  return parseTranscript(readFileSync(new URL(file, folder), "utf8"));
}

function sent(transcript: Transcript): string[] {
  const sends = transcript.steps.filter((step) => step.do === "send");
  return sends.map((step) => step.bytes.toString("latin1"));
}

/** The record of a server that answers exactly as the file says. */
function expectedRecord(transcript: Transcript): string[] {
  return transcript.steps.flatMap((step) => {
    if (step.do === "refused") return ["refused"];
    if (step.do === "send" || step.do === "drain") return [];
    const name = step.connection === "a" ? "" : `.${step.connection}`;
    if (step.do === "expect") return [`S${name}: ${step.line}`.trimEnd()];
    return [`${step.closed ? "closed" : "open"}${name}`];
  });
}
