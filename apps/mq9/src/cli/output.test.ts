import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { CliError } from "./exit-codes.ts";
import { createOutput } from "./output.ts";

/** What an error looks like on a terminal of so many columns; 0 = no terminal. */
function shown(columns: number, message: string, hint: string): string {
  const stderr = Object.assign(new PassThrough(), { isTTY: columns > 0, columns });
  const streams = { stdout: process.stdout, stderr: stderr as unknown as NodeJS.WriteStream };
  const out = createOutput(streams, { NO_COLOR: "1" }, { form: "text", quiet: false });
  out.fail(new CliError("error", message, { hint }));
  return String(stderr.read());
}

const sentence = "no broker at nats://127.0.0.1:4222: nobody listens there. Is it running?";
const line = "mq9 context create something-long --url nats://broker.example.org:4222";

it("breaks sentences between words on a terminal, and leaves lines to type whole", () => {
  expect(shown(50, sentence, line)).toBe(
    `error: no broker at nats://127.0.0.1:4222: nobody\nlistens there. Is it running?\n${line}\n`,
  );
});

it("breaks nothing for a program, or where it fits", () => {
  for (const columns of [0, 80]) {
    expect(shown(columns, sentence, line)).toBe(`error: ${sentence}\n${line}\n`);
  }
});
