import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeStoreContract } from "@mq9/store/testing";
import { createLevelStore } from "./level-store.ts";

describeStoreContract("level", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mq9-level-"));
  return {
    store: createLevelStore({ folder }),
    dispose: () => rm(folder, { recursive: true }),
  };
});
