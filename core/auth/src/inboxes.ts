// Keeps the answers that one user gets from the ears of the others: who may listen where clients wait
// for replies. Put around the permissions of every user; knows nothing of who somebody is.
import type { Permissions } from "@mq9/router";

/** What every client library uses unless it is told another prefix. */
const sharedPrefix = "_INBOX";
/** Literal characters behind the prefix: libraries put 22 random ones there, nobody guesses 16. */
const secretLengthMin = 16;

/**
 * Refuses patterns that take in inboxes of others (`_INBOX.>`), and leaves inboxes out of patterns
 * that begin with a wildcard (`>`). An inbox prefix that the user's own rules name is its own.
 * @param permissions of a user; undefined = it may do everything else
 */
export function withPrivateInboxes(permissions: Permissions | undefined): Permissions {
  const own = ownPrefixes(permissions);
  const isForeign = (subject: string): boolean =>
    isInboxPrefix(firstToken(subject)) && !own.has(firstToken(subject));
  return {
    responses: permissions?.responses,
    rules: permissions?.rules,
    bindsPublishing: permissions !== undefined,
    canPublish: (subject) => permissions === undefined || permissions.canPublish(subject),
    canSubscribe: (subject, queue) =>
      !(isForeign(subject) && isOpen(subject)) &&
      (permissions === undefined || permissions.canSubscribe(subject, queue)),
    filterFor: (subject, queue) => {
      const filter = permissions?.filterFor(subject, queue);
      const first = firstToken(subject);
      if (first !== ">" && first !== "*") return filter;
      return (published) => !isForeign(published) && filter?.(published) !== false;
    },
  };
}

/** First tokens like `_INBOX_alice` that the user was given by name. */
function ownPrefixes(permissions: Permissions | undefined): ReadonlySet<string> {
  const allowed = permissions?.rules?.subscribe?.allow ?? [];
  const named = allowed.map(firstToken).filter((first) => first !== sharedPrefix);
  return new Set(named.filter(isInboxPrefix));
}

function isInboxPrefix(token: string): boolean {
  return token === sharedPrefix || token.startsWith(`${sharedPrefix}_`);
}

function firstToken(subject: string): string {
  const end = subject.indexOf(".");
  return end < 0 ? subject : subject.slice(0, end);
}

/** Whether a wildcard comes before enough characters that somebody has to know. */
function isOpen(subject: string): boolean {
  const rest = subject.slice(firstToken(subject).length + 1);
  const wildcard = rest.search(/(?:^|\.)[*>](?:\.|$)/);
  if (wildcard < 0) return false;
  return rest.slice(0, wildcard).replaceAll(".", "").length < secretLengthMin;
}
