// Who guesses passwords learns nothing and disturbs nobody: refusals are all alike, guesses are
// counted across connections, and a flood of them leaves those who are in alone.
import type { AuthConfig } from "@mq9/auth";
import { hashPassword } from "@mq9/auth";
import { connectRaw } from "@mq9/testkit";
import bcrypt from "bcryptjs";
import { describe, expect, test } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";
import { linesOf, talk } from "./doors.ts";

const refusal = ["-ERR 'Authorization Violation'", "closed"];

describe("guessing", () => {
  test("is over after ten wrong passwords, on however many connections, for that user", async () => {
    const auth: AuthConfig = {
      users: ["alice", "bob"].map((user) => ({ user, password: `${user}'s own` })),
    };
    await using server = await brokerInProcess({ auth });
    const { port } = server.address;
    for (let at = 0; at < 10; at++) {
      expect(await talk(port, { user: "alice", pass: `guess ${at}` })).toEqual(refusal);
    }
    expect(await talk(port, { user: "alice", pass: "alice's own" })).toEqual(refusal);
    expect(await talk(port, { user: "bob", pass: "bob's own" })).toEqual(["+OK"]);
  });

  test("does not begin anew with a reload, after which an outdated password may be right", async () => {
    const withPassword = (password: string): AuthConfig => ({
      users: [{ user: "alice", password }],
    });
    await using server = await brokerInProcess({ auth: withPassword("old") });
    const { port } = server.address;
    expect(await talk(port, { user: "alice", pass: "new" })).toEqual(refusal);
    server.broker.reload({ auth: withPassword("new") });
    expect(await talk(port, { user: "alice", pass: "new" })).toEqual(["+OK"]);
    for (let at = 0; at < 10; at++) {
      if (at === 5) server.broker.reload({ auth: withPassword("newer") });
      expect(await talk(port, { user: "alice", pass: `guess ${at}` })).toEqual(refusal);
    }
    server.broker.reload({ auth: withPassword("newest") });
    expect(await talk(port, { user: "alice", pass: "newest" })).toEqual(refusal);
  });

  test("is not what a client does that repeats one wrong password", async () => {
    await using server = await brokerInProcess({ auth: { token: "right" } });
    const { port } = server.address;
    for (let at = 0; at < 30; at++) {
      expect(await talk(port, { auth_token: "outdated" })).toEqual(refusal);
    }
    expect(await talk(port, { auth_token: "right" })).toEqual(["+OK"]);
  });

  test("by a crowd leaves those alone who are in, and lets the right ones in", async () => {
    const auth: AuthConfig = {
      users: [
        { user: "in", password: await hashPassword("p") },
        { user: "hashed", password: bcrypt.hashSync("p", 10) },
      ],
    };
    await using server = await brokerInProcess({ auth });
    const { port } = server.address;
    await using inside = await connectRaw(port, { user: "in", pass: "p" });
    expect(await linesOf(inside)).toEqual([]);
    const flood = Array.from({ length: 150 }, (_, at) =>
      talk(port, { user: at % 2 === 0 ? `nobody ${at}` : "hashed", pass: `guess ${at}` }),
    );
    let isOver = false;
    const over = Promise.allSettled(flood).finally(() => {
      isOver = true;
    });
    let rounds = 0;
    while (!isOver) {
      expect(await linesOf(inside)).toEqual([]);
      rounds++;
    }
    await over;
    expect(rounds).toBeGreaterThan(20); // they were served all the while
    // What was right before is known at once, flood or not.
    expect(await talk(port, { user: "in", pass: "p" })).toEqual(["+OK"]);
    const answers = await Promise.all(flood);
    const kinds = new Set(answers.map((lines) => lines[0]));
    expect([...kinds].filter((line) => line?.includes("Authorization") !== true)).toEqual(
      [...kinds].filter((line) => line?.includes("Timeout")),
    );
  });
});
