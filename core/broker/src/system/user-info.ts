// What a connection may know of itself: the answer to `$SYS.REQ.USER.INFO`, which every account may ask.
import type { Connection, Permissions, SubjectRules } from "@mq9/router";

/** Who asks, and what it may do as far as that is lists of subjects. */
export function userInfo({ identity, account }: Connection): object {
  const expiresAtMs = identity?.expiresAtMs;
  const permissions = permissionsJson(identity?.permissions);
  return {
    user: identity?.user ?? "",
    account,
    account_name: account,
    ...(permissions === undefined ? {} : { permissions }),
    // What is left, in nanoseconds.
    ...(expiresAtMs === undefined ? {} : { expires: Math.max(0, expiresAtMs - Date.now()) * 1e6 }),
  };
}

function permissionsJson(permissions: Permissions | undefined): object | undefined {
  if (permissions === undefined) return undefined;
  const { rules, responses } = permissions;
  return {
    ...(rules?.publish === undefined ? {} : { publish: listsOf(rules.publish) }),
    ...(rules?.subscribe === undefined ? {} : { subscribe: listsOf(rules.subscribe) }),
    ...(responses === undefined
      ? {}
      : { responses: { max: responses.messagesMax, ttl: responses.ttlMs * 1e6 } }),
  };
}

/** Subjects are byte strings; people read text. */
function listsOf({ allow, deny }: SubjectRules): object {
  const texts = (list: readonly string[]): string[] =>
    list.map((subject) => Buffer.from(subject, "latin1").toString("utf8"));
  return {
    ...(allow === undefined ? {} : { allow: texts(allow) }),
    ...(deny === undefined || deny.length === 0 ? {} : { deny: texts(deny) }),
  };
}
