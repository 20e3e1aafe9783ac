// The schemas of the tools, by command: rows of ./index.ts.
import { backupSchema } from "./backup.ts";
import { benchSchema } from "./bench.ts";
import {
  contextListSchema,
  contextRemovedSchema,
  contextRowSchema,
  contextSchema,
  contextSelectedSchema,
} from "./context.ts";
import { doctorSchema, explainSchema } from "./findings.ts";
import type { CommandSchemas } from "./index.ts";
import { topSchema } from "./top.ts";
import { exportLineSchema, importSchema } from "./transfer.ts";

export const toolSchemas: Readonly<Record<string, CommandSchemas>> = {
  backup: { json: backupSchema },
  doctor: { json: doctorSchema },
  export: { json: exportLineSchema },
  import: { json: importSchema },
  top: { json: topSchema },
  explain: { json: explainSchema },
  restore: { json: backupSchema },
  bench: { json: benchSchema },
  "context create": { json: contextSchema },
  "context ls": { json: contextListSchema, jsonl: contextRowSchema },
  "context show": { json: contextSchema },
  "context select": { json: contextSelectedSchema },
  "context rm": { json: contextRemovedSchema },
};
