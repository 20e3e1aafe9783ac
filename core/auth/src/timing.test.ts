// How long a refusal takes tells nothing of the secret, nor of whether the name exists. Short by itself;
// `npm run timing` measures a million times.
import { randomBytes } from "node:crypto";
import { type ConnectOptions, parseConnect } from "@mq9/router";
import { describe, expect, it } from "vitest";
import { createAuthenticator } from "./authenticator.ts";
import { digestOf } from "./digest.ts";
import { Secret } from "./secret.ts";
import { largestT, type Prepared } from "./testing/welch.ts";

const samples = Number(process.env["SAMPLES"] ?? 100_000);
/** A machine that does something else at the wrong moment shows a difference once, not three times. */
const attempts = 3;
const limit = 4.5;

const right = randomBytes(24).toString("hex");
/** As long as the right one, with that many of its first characters. */
const wrong = (sharedCharacters: number): string =>
  right.slice(0, sharedCharacters) +
  [...right.slice(sharedCharacters)].map((digit) => (digit === "0" ? "1" : "0")).join("");
const far = wrong(0);
const near = wrong(right.length - 1);

async function smallestT(times: number, prepare: (second: boolean) => Prepared): Promise<number> {
  let smallest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < attempts && smallest >= limit; attempt++) {
    smallest = Math.min(smallest, await largestT(times, prepare));
  }
  const isLong = process.env["SAMPLES"] !== undefined;
  const { currentTestName } = expect.getState();
  if (isLong) process.stdout.write(`${currentTestName}: |t| ${smallest.toFixed(2)}\n`);
  return smallest;
}

describe("how long a refusal takes", () => {
  it("says nothing of how near the token is", { timeout: 600_000 }, async () => {
    const secret = new Secret(right);
    const t = await smallestT(samples, (second) => {
      const offered = second ? near : far;
      return () => secret.matchesDigest(digestOf(offered));
    });
    expect(t).toBeLessThan(limit);
  });

  it("says nothing of whether the user exists: its hash is worked out all the same", {
    timeout: 600_000,
  }, async () => {
    const hash = `$scrypt$ln=10,r=8,p=1$${"A".repeat(22)}$${"B".repeat(43)}`; // of nothing
    const users = Array.from({ length: 20 }, (_, at) => ({ user: `user-${at}`, password: hash }));
    // Each guess comes from elsewhere and much later, or it would not be looked at after ten.
    let nowMs = 0;
    const { authenticate } = createAuthenticator({ users }, { nowMs: () => nowMs });
    let count = 0;
    const t = await smallestT(Math.max(300, samples / 200), (second) => {
      count += 1;
      nowMs += 60_001;
      const user = `${second ? "user" : "none"}-${count % users.length}`;
      const options = { ...nobody, user, pass: `${far}${count}` };
      const address = `10.${(count >> 16) & 255}.${(count >> 8) & 255}.${count & 255}`;
      const peer = { kind: "STANDARD" as const, address, port: 1, nonce: "", tls: undefined };
      return () => authenticate(options, peer);
    });
    expect(t).toBeLessThan(limit);
  });

  it("is measured well enough to find a comparison that stops at the first difference", async () => {
    const t = await largestT(100_000, (second) => {
      const offered = second ? near : far;
      return () => equalsEarly(right, offered);
    });
    expect(t).toBeGreaterThan(limit);
  });
});

/** A CONNECT that says nothing. */
const nobody = parseConnect("{}") as ConnectOptions;

/** What must not be: done sooner, the earlier they differ. */
function equalsEarly(a: string, b: string): boolean {
  for (let at = 0; at < a.length; at++) if (a.charCodeAt(at) !== b.charCodeAt(at)) return false;
  return true;
}
