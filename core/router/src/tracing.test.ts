import { expect, test, vi } from "vitest";
import { connectPeer, quiet } from "./testing/peer.ts";
import { startRouter } from "./testing/rig.ts";

/** Waits until something was written down. */
async function lineOf(lines: readonly string[], text: string): Promise<void> {
  await vi.waitUntil(() => lines.some((line) => line.includes(text)));
}

test("a traced connection is written down in both directions, without secrets", async () => {
  const lines: string[] = [];
  const trace = { write: (line: string) => void lines.push(line), payloadBytesMax: 3 };
  await using running = await startRouter({}, { trace: () => trace });
  await using peer = await connectPeer(running.port, {
    ...quiet,
    user: "ann",
    pass: "geheim",
  });
  // In pieces that end in the middle of a line and of a payload.
  peer.send("SUB foo 1\r\nPU");
  await lineOf(lines, "SUB foo 1");
  peer.send("B foo 5\r\nhe");
  await lineOf(lines, "PUB foo 5");
  peer.send("llo\r\nPUB foo 0\r\n\r\n");
  await peer.flush();
  const text = lines.join("\n");
  expect(text).not.toContain("geheim");
  expect(text).toMatch(/cid:1 - ->> \[INFO \{/);
  expect(text).toMatch(/<<- \[CONNECT \{.*"pass":"\[REDACTED\]"/);
  expect(text).toContain("<<- [SUB foo 1]");
  expect(text).toContain("<<- [PUB foo 5]");
  expect(text).toContain('<<- MSG_PAYLOAD: ["hel"]');
  expect(text).toContain("->> [MSG foo 1 5]");
  expect(text).toContain('->> MSG_PAYLOAD: [""]');
  expect(text).toContain("->> [PONG]");
});

test("a connection made before tracing began is left alone", async () => {
  const lines: string[] = [];
  let traced = false;
  const trace = { write: (line: string) => void lines.push(line), payloadBytesMax: 0 };
  await using running = await startRouter({}, { trace: () => (traced ? trace : undefined) });
  await using before = await connectPeer(running.port);
  traced = true;
  await using after = await connectPeer(running.port);
  await before.flush();
  await after.flush();
  expect(lines.every((line) => line.includes("cid:2"))).toBe(true);
  expect(lines).not.toEqual([]);
});
