// Every command that prints JSON, and its schemas: `json` of the one object of --json, `jsonl` of one line
// of --jsonl where that is another. scripts/cli-schemas.mjs ships them as files; tests hold what commands
// print against them. Not loaded by any command.
import { z } from "zod";
import * as agents from "./agents.ts";
import * as mail from "./mail.ts";
import { toolSchemas } from "./tools.ts";

/** Schemas of one command. */
export interface CommandSchemas {
  readonly json: z.ZodType;
  /** Default: the same as `json`. */
  readonly jsonl?: z.ZodType;
}

/** By the path of the command. */
export const commandSchemas: Readonly<Record<string, CommandSchemas>> = {
  "mailbox create": { json: mail.madeMailboxSchema },
  "mailbox ls": { json: mail.mailboxListSchema, jsonl: mail.mailboxRowSchema },
  "mailbox info": { json: mail.mailboxDetailSchema },
  "mailbox renew": { json: mail.mailboxSchema },
  "mailbox drop": { json: mail.droppedSchema },
  "mailbox purge": { json: mail.purgedSchema },
  "mailbox grant": { json: mail.grantSchema },
  "mailbox grants": { json: mail.grantListSchema, jsonl: mail.grantSchema },
  "mailbox revoke": { json: mail.revokedSchema },
  send: { json: mail.sentSchema },
  reply: { json: mail.sentSchema },
  fetch: { json: mail.takenListSchema, jsonl: mail.takenSchema },
  drain: { json: mail.takenListSchema, jsonl: mail.takenSchema },
  ack: { json: mail.settledSchema },
  nack: { json: mail.settledSchema },
  extend: { json: mail.extendedSchema },
  receipt: { json: mail.receiptSchema },
  peek: { json: mail.messageListSchema, jsonl: mail.messageSchema },
  tail: { json: mail.messageListSchema, jsonl: mail.messageSchema },
  watch: { json: mail.watchedListSchema, jsonl: mail.watchedSchema },
  wait: { json: mail.waitedSchema },
  "dlq ls": { json: mail.messageListSchema, jsonl: mail.messageSchema },
  "dlq show": { json: mail.messageSchema },
  "dlq retry": { json: mail.retriedSchema },
  "dlq purge": { json: mail.purgedSchema },
  "agent register": { json: agents.registeredSchema },
  "agent unregister": { json: agents.unregisteredSchema },
  "agent ls": { json: agents.agentListSchema, jsonl: agents.agentSchema },
  "agent find": { json: agents.agentListSchema, jsonl: agents.agentSchema },
  "agent card": { json: agents.cardSchema },
  ...toolSchemas,
  "agent watch": { json: agents.agentEventListSchema, jsonl: agents.agentEventSchema },
};

/** What standard error holds when a command fails under --json or --jsonl. */
export const errorSchema: z.ZodType = z.strictObject({
  error: z.strictObject({
    reason: z.string().describe("a word to compare: not_found, timeout, unreachable, usage, …"),
    message: z.string(),
    hint: z.string().optional().describe("what to type or do next"),
    exit_code: z.int(),
  }),
});

/** Files of schemas by name, as they are shipped. */
export function schemaFiles(): Readonly<Record<string, string>> {
  const files: Record<string, string> = { "error.json": fileOf("mq9: an error", errorSchema) };
  for (const [path, { json, jsonl }] of Object.entries(commandSchemas)) {
    const name = path.replaceAll(" ", "-");
    files[`${name}.json`] = fileOf(`mq9 ${path} --json`, json);
    if (jsonl !== undefined) files[`${name}.line.json`] = fileOf(`mq9 ${path} --jsonl`, jsonl);
  }
  return files;
}

function fileOf(title: string, schema: z.ZodType): string {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    override: ({ jsonSchema }) => {
      // What the words beside them say already.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  return `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
}
