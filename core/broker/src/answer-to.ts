// Where answers of the broker go. Called by the owner of `$mq9.AI.` and by the system service for every
// answer, at the time it is given: rights may have changed since it was asked for.
import type { Client, RouterServices } from "@mq9/router";

const dollar = 36;

/**
 * Answers where whoever asked could have said it himself, or else to his own ears alone; on no subject of
 * a server.
 * @param reply a literal subject, not ""
 * @returns how many got it
 */
export function answerTo(
  router: RouterServices,
  client: Client,
  reply: string,
  body: Uint8Array,
): number {
  if (reply.charCodeAt(0) === dollar) return 0;
  const permissions = client.identity?.permissions;
  if (permissions === undefined || permissions.canPublish(reply)) {
    return router.publish(client.account, reply, "", undefined, body);
  }
  return router.tell(client, reply, body) ? 1 : 0;
}
