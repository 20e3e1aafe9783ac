// Numbers that programs give: what is none is refused here, before a timer takes it for one millisecond, or
// JSON writes NaN as null and a bound is none any more.
import { Mq9Error } from "@mq9/protocol";

/** The longest a timer of the platform waits; beyond it, it would not wait at all. */
export const timerMsMax = 2_147_483_647;

/** @throws {Mq9Error} `invalid` naming the option */
export function assertWhole(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new Mq9Error("invalid", `${what} must be a whole number from ${least} to ${most}`);
}

/** @throws {Mq9Error} `invalid` unless it is a number of milliseconds above 0; `Infinity` waits for ever */
export function assertTimeout(what: string, value: number | undefined): void {
  if (value === undefined || (typeof value === "number" && value > 0)) return;
  throw new Mq9Error("invalid", `${what} must be a number of milliseconds above 0`);
}

/** A number of a message, of something scheduled. @throws {Mq9Error} `invalid` */
export function assertNumber(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new Mq9Error("invalid", `${what}: that number is no whole number from 0 on`);
}

/** What a timer can wait. */
export function timerMs(ms: number): number {
  return Math.min(timerMsMax, Math.max(0, ms));
}

/** @throws {Mq9Error} `invalid` for a field that JSON can not hold and would leave out */
export function assertFinite(what: string, body: Readonly<Record<string, unknown>>): void {
  for (const name in body) {
    const value = body[name];
    if (typeof value !== "number" || Number.isFinite(value)) continue;
    throw new Mq9Error("invalid", `${what} was not sent: ${name} is ${value}, which is no number`);
  }
}
