// `profile: agent`: what an agent of an account needs and nothing more, so that one line isolates it
// from its neighbours. Its rights on mailboxes are the broker's business; these are its subjects.
import type { PermissionRules } from "@mq9/router";
import type { ConfigNode } from "../nats-config/tree.ts";
import { fail } from "./blocks.ts";

/**
 * Permissions of one agent: mail, services, and an inbox of its own under `_INBOX_<name>.`, which its
 * client has to be told as inbox prefix. Nobody else's answers can be read with it.
 * @throws {ConfigError} when the name can not be a part of a subject
 */
export function agentPermissions(name: string, node: ConfigNode): PermissionRules {
  if (!/^[^\s.*>]+$/.test(name)) {
    fail(node, "profile: an agent's name stands in subjects, so it holds no blanks, dots, * and >");
  }
  return {
    publish: { allow: ["$mq9.AI.>", "$SYS.REQ.USER.INFO"] },
    subscribe: { allow: ["$mq9.AI.>", `_INBOX_${name}.>`] },
    allowResponses: true,
  };
}
