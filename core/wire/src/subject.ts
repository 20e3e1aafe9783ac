// Rules of subjects and wildcards. Subjects are byte strings everywhere inside the server: one
// character per byte of the wire, so that any bytes travel unchanged. Pure functions.

const dot = 46;
const star = 42;
const tail = 62;

/**
 * Whether a subject or pattern may be subscribed to: no empty token, no white space, `>` only as
 * the last token. `*` and `>` inside a longer token are ordinary characters.
 */
export function isValidSubject(subject: string): boolean {
  let tokenStart = 0;
  const length = subject.length;
  for (let at = 0; at <= length; at++) {
    const code = at === length ? dot : subject.charCodeAt(at);
    if (code === dot) {
      if (at === tokenStart) return false;
      const isTail = at - tokenStart === 1 && subject.charCodeAt(tokenStart) === tail;
      if (isTail && at !== length) return false;
      tokenStart = at + 1;
    } else if (code === 32 || (code >= 9 && code <= 13 && code !== 11)) {
      return false;
    }
  }
  return true;
}

/** Whether a token of the subject is exactly `*` or `>`. */
export function hasWildcards(subject: string): boolean {
  const length = subject.length;
  for (let at = 0; at < length; at++) {
    const code = subject.charCodeAt(at);
    if (
      (code === star || code === tail) &&
      (at === 0 || subject.charCodeAt(at - 1) === dot) &&
      (at + 1 === length || subject.charCodeAt(at + 1) === dot)
    ) {
      return true;
    }
  }
  return false;
}

/** Whether a subject is valid and names exactly one subject. */
export function isLiteralSubject(subject: string): boolean {
  return isValidSubject(subject) && !hasWildcards(subject);
}

/** Whether a subject has an empty token, and therefore can reach no subscription. */
export function hasEmptyToken(subject: string): boolean {
  const length = subject.length;
  if (length === 0) return true;
  if (subject.charCodeAt(0) === dot || subject.charCodeAt(length - 1) === dot) return true;
  return subject.includes("..");
}

/**
 * Whether a subject as published is covered by a pattern.
 * @param subject taken literally: a `*` in it is matched by a wildcard only
 */
export function subjectMatches(pattern: string, subject: string): boolean {
  return covers(pattern.split("."), subject.split("."), false);
}

/**
 * Whether every subject that `pattern` can match is also matched by `of`: `foo.*` is a subset of
 * `foo.>`, `foo.>` is not a subset of `foo.*`.
 */
export function isSubset(pattern: string, of: string): boolean {
  return covers(of.split("."), pattern.split("."), true);
}

/** Whether some subject is matched by both patterns. */
export function overlaps(a: string, b: string): boolean {
  const left = a.split(".");
  const right = b.split(".");
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const x = left[at];
    const y = right[at];
    if (x === ">" || y === ">") return true;
    if (x !== y && x !== "*" && y !== "*") return false;
  }
  return left.length === right.length;
}

/** Text as it is written on the wire: a byte string of its UTF-8. */
export function toWireSubject(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The text that a byte string from the wire spells in UTF-8. */
export function fromWireSubject(subject: string): string {
  return Buffer.from(subject, "latin1").toString("utf8");
}

function covers(wide: readonly string[], narrow: readonly string[], patterns: boolean): boolean {
  for (let at = 0; at < wide.length; at++) {
    const token = wide[at];
    if (at >= narrow.length) return false;
    if (token === ">") return at === wide.length - 1;
    const other = narrow[at];
    if (patterns && other === ">") return false;
    if (token !== "*" && token !== other) return false;
  }
  return wide.length === narrow.length;
}
