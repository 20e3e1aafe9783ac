// What the histories of a soak must not hold. Knows nothing of how they came about.

/**
 * @param {object[]} records of all programs, and `killed` of the broker from the driver
 * @returns {{ violations: string[], missing: number, counts: Record<string, number> }} `missing` = accepted
 * and not handled yet, or asked and not answered yet
 */
export function check(records, groups) {
  const violations = [];
  const counts = {};
  const of = new Map();
  for (const record of records) {
    counts[record.what] = (counts[record.what] ?? 0) + 1;
    const known = of.get(record.what);
    if (known === undefined) of.set(record.what, [record]);
    else known.push(record);
  }
  const all = (what) => of.get(what) ?? [];
  const cuts = all("broker-killed").map(({ at }) => at);
  const brokerDiedBetween = (from, to) => cuts.some((at) => at >= from && at <= to);

  for (const { error, name } of all("defect")) violations.push(`defect in ${name}: ${error}`);
  for (const { text, name } of all("gave-up")) violations.push(`${name} gave up: ${text}`);

  // --- messages ---
  const began = new Set(all("send").map(({ id }) => id));
  const accepted = new Map(all("sent").map((each) => [each.id, each]));
  const notSent = new Map();
  for (const { id, code } of all("failed")) {
    if (code !== "unreachable") notSent.set(id, false);
    else if (!notSent.has(id)) notSent.set(id, true);
  }
  const numberOf = new Map();
  for (const { id, msgId } of [...all("sent"), ...all("begin")]) {
    const known = numberOf.get(id);
    if (known === undefined) numberOf.set(id, msgId);
    else if (known !== msgId) violations.push(`stored twice: ${id} as ${known} and ${msgId}`);
  }
  for (const { id } of all("begin")) {
    if (!began.has(id)) violations.push(`invented: ${id}`);
    if (!accepted.has(id) && notSent.get(id) === true) {
      violations.push(`untrue: ${id} was said never to have been sent, and was delivered`);
    }
  }
  let missing = 0;
  for (const group of groups) {
    const done = new Set();
    for (const what of ["handled", "rejected"]) {
      for (const each of all(what)) if (each.group === group) done.add(each.id);
    }
    for (const id of accepted.keys()) if (!done.has(id)) missing += 1;
    violations.push(...repeats(all, group, brokerDiedBetween, counts));
  }

  // --- requests ---
  const asked = new Set(all("ask").map(({ id }) => id));
  const answered = new Set();
  for (const { id, echo, refused } of all("answered")) {
    answered.add(id);
    if (!asked.has(id)) violations.push(`answer to nobody's question: ${id}`);
    if (id.startsWith("bad-") ? refused !== "rejected" : echo !== id) {
      violations.push(`wrong answer to ${id}: ${echo ?? refused}`);
    }
  }
  for (const id of asked) if (!answered.has(id)) missing += 1;
  const questionNumber = new Map();
  for (const { id, msgId } of all("asked")) {
    const known = questionNumber.get(id);
    if (known === undefined) questionNumber.set(id, msgId);
    else if (known !== msgId) violations.push(`asked twice: ${id} as ${known} and ${msgId}`);
  }
  for (const { id, code, msgId, text } of all("unanswered")) {
    const isTold = ["timeout", "unreachable", "outcome_unknown"].includes(code);
    if (!isTold) violations.push(`no answer to ${id}, and an odd error: ${text}`);
    const number = questionNumber.get(id);
    if (msgId !== undefined && number !== undefined && number !== msgId) {
      violations.push(`untrue: ${id} is not message ${msgId}: ${text}`);
    }
  }
  return { violations, missing, counts };
}

/** A message begun again after it was handled: only with a reason that the documents give. */
function repeats(all, group, brokerDiedBetween, counts) {
  const violations = [];
  const handled = new Map();
  for (const each of all("handled")) {
    if (each.group !== group) continue;
    const known = handled.get(each.id);
    if (known === undefined) handled.set(each.id, [each]);
    else known.push(each);
  }
  for (const { id, at, life, deliveryCount, name, group: of } of all("begin")) {
    if (of !== group) continue;
    for (const before of handled.get(id) ?? []) {
      if (before.at >= at) continue;
      counts.repeated = (counts.repeated ?? 0) + 1;
      if (before.life === life) violations.push(`${name} handled ${id} twice in one life`);
      // Leases and the first two deliveries of a message are forgotten when the broker is killed.
      if (deliveryCount === 1 && !brokerDiedBetween(before.at - 60_000, at)) {
        violations.push(`repeated without saying so: ${id} in group ${group}`);
      }
    }
  }
  return violations;
}
