// JSON of `mq9 explain` and `mq9 doctor`.
import { z } from "zod";
import type { Finding, FindingLevel } from "../findings.ts";

export interface ExplainJson {
  readonly kind: "mailbox" | "message" | "agent";
  /** Of the mailbox or the agent. */
  readonly name: string;
  readonly msg_id?: number | undefined;
  readonly found: boolean;
  readonly worst: FindingLevel;
  readonly findings: readonly Finding[];
}

export interface DoctorJson {
  readonly worst: FindingLevel;
  /** Its own version. */
  readonly version: string;
  /** Where it looked for the broker. */
  readonly url: string;
  readonly findings: readonly Finding[];
}

const level: z.ZodType<FindingLevel> = z.enum(["ok", "note", "warn", "fail"]);

const findings: z.ZodType<readonly Finding[]> = z.array(
  z.strictObject({
    code: z.string().regex(/^[a-z][a-z0-9_]*$/),
    level,
    text: z.string(),
    next: z.string().optional(),
  }),
);

export const explainSchema: z.ZodType<ExplainJson> = z.strictObject({
  kind: z.enum(["mailbox", "message", "agent"]),
  name: z.string(),
  msg_id: z.int().nonnegative().optional(),
  found: z.boolean(),
  worst: level,
  findings,
});

export const doctorSchema: z.ZodType<DoctorJson> = z.strictObject({
  worst: level,
  version: z.string(),
  url: z.string(),
  findings,
});
