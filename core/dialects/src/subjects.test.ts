import { allRanks, directoryName, maskOf } from "@mq9/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultDialectOptions } from "./options.ts";
import { parsePublish, parseSubscribe, revealedGeneration } from "./subjects.ts";

const options = defaultDialectOptions;
const space = "$mq9.AI.";
const reserved = "mailbox '$SYSTEM.PUBLIC' is reserved and cannot be created by clients";

/** Publish targets as one line: what the table says is what a reader compares. */
function published(tail: string): string {
  const target = parsePublish(space + tail, options);
  switch (target.kind) {
    case "send": {
      const other = target.otherwise && ` or ${target.otherwise.mailbox} ${target.otherwise.label}`;
      const ttl = target.ttlSeconds === undefined ? "" : ` ttl ${target.ttlSeconds}`;
      return `send/${target.generation} ${target.mailbox} ${target.label}${other ?? ""}${ttl}`;
    }
    case "request": {
      const { verb, ...rest } = target.command;
      return ["request/" + target.generation, verb, ...Object.values(rest)].join(" ");
    }
    case "broadcast":
      return `broadcast ${target.channel}`;
    case "settle":
      return `settle ${target.mailbox} ${target.group} ${target.msgId} ${target.deliveryCount}`;
    case "plain":
      return target.known ? "plain" : "unknown";
    case "refused":
      return `refused ${target.error.code}`;
  }
}

/** Subscribe targets as one line; ranks are written as the digits of the ranks they hold. */
function subscribed(tail: string, allowTap = false): string {
  const target = parseSubscribe(space + tail, { ...options, allowTap });
  switch (target.kind) {
    case "mail": {
      const other = target.otherwise;
      return [
        `mail/${target.generation}`,
        ...(target.match === "glob" ? ["glob"] : []),
        target.mailbox,
        digits(target.ranks),
        target.view.form + (target.view.bare ? "-bare" : ""),
        ...(other === undefined
          ? []
          : [
              "or",
              other.mailbox,
              digits(other.ranks),
              other.view.form + (other.view.bare ? "-bare" : ""),
            ]),
      ].join(" ");
    }
    case "broadcast":
      return `broadcast ${target.channel} ${target.view.form}`;
    case "agents":
      return "agents";
    case "plain":
    case "tap":
      return `${target.kind} ${target.subject}`;
    case "refused":
      return `refused ${target.error.code}`;
  }
}

function digits(mask: number): string {
  return [0, 1, 2, 3].filter((rank) => (mask & (1 << rank)) !== 0).join("");
}

const uuid = "m-6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
const long = "a".repeat(128);

describe("publishing", () => {
  it.each([
    // generation 0
    [`INBOX.${uuid}.urgent`, `send/0 ${uuid} urgent`],
    [`INBOX.${uuid}.normal`, `send/0 ${uuid} normal`],
    [`INBOX.${uuid}.notify`, `send/0 ${uuid} notify ttl 300`],
    [`INBOX.${uuid}.critical`, `send/0 ${uuid} critical`],
    [`INBOX.${uuid}`, `send/0 ${uuid} normal`],
    ["INBOX.agt-uuid-001.low", "send/0 agt-uuid-001 low"],
    ["INBOX.order.processing.urgent", "send/0 order.processing urgent"],
    ["INBOX.normal", "send/0 normal normal"],
    ["INBOX", "unknown"],
    ["INBOX.", "refused invalid"],
    ["INBOX.a..normal", "refused invalid"],
    ["INBOX.m-status-*.normal", "refused forbidden"],
    ["INBOX.$SYSTEM.PUBLIC.normal", "refused forbidden"],
    ["BROADCAST.pipeline.complete", "broadcast BROADCAST.pipeline.complete"],
    ["BROADCAST.task.available", "broadcast BROADCAST.task.available"],
    ["BROADCAST.system.capability", "broadcast BROADCAST.system.capability"],
    ["BROADCAST.one", "broadcast BROADCAST.one"],
    ["BROADCAST.a.b c", "plain"],
    ["BROADCAST.a..b", "plain"],
    [`BROADCAST.${long}`, "plain"],
    ["BROADCAST", "unknown"],
    ["MAILBOX.CREATE", "request/undefined create"],
    [`MAILBOX.QUERY.${uuid}`, `request/0 query ${uuid}`],
    ["STATUS.agent-1", "plain"],
    ["STATUS.a.b", "plain"],
    // the forerunner of generation 1
    [`MAILBOX.${uuid}.high`, `send/1 ${uuid} high`],
    [`MAILBOX.${uuid}.normal`, `send/1 ${uuid} normal`],
    [`MAILBOX.${uuid}.low`, `send/1 ${uuid} low`],
    ["MAILBOX.task.queue.low", "send/1 task.queue low"],
    ["MAILBOX.task.queue", "unknown"],
    ["MAILBOX.normal", "unknown"],
    // our additions about mailboxes: they belong to no generation
    ["MAILBOX.INFO.normal", "request/undefined info normal"],
    ["MAILBOX.INFO.task.queue", "request/undefined info task.queue"],
    ["MAILBOX.INFO.$SYSTEM.PUBLIC", "request/undefined info $SYSTEM.PUBLIC"],
    ["MAILBOX.INFO", "refused invalid"],
    ["MAILBOX.INFO.", "refused invalid"],
    ["MAILBOX.INFO.CREATE", "refused invalid"],
    ["MAILBOX.RENEW.m-1", "request/undefined renew m-1"],
    ["MAILBOX.DROP.m-1", "request/undefined drop m-1"],
    ["MAILBOX.$SYSTEM.PUBLIC.normal", "refused forbidden"],
    ["MAILBOX", "unknown"],
    ["PUBLIC.LIST", "refused forbidden"],
    ["PUBLIC.OTHER", "unknown"],
    // generation 1
    ["MAILBOX.MSG.agent-b-inbox", "send/1 agent-b-inbox normal"],
    [
      "MAILBOX.MSG.agent-b-inbox.urgent",
      "send/1 agent-b-inbox urgent or agent-b-inbox.urgent normal",
    ],
    ["MAILBOX.MSG.a.critical", "send/1 a critical or a.critical normal"],
    ["MAILBOX.MSG.a.normal", "send/1 a normal or a.normal normal"],
    ["MAILBOX.MSG.a.high", "send/1 a high or a.high normal"],
    ["MAILBOX.MSG.a.low", "send/1 a low or a.low normal"],
    ["MAILBOX.MSG.a.notify", "send/1 a notify or a.notify normal"],
    ["MAILBOX.MSG.a.URGENT", "send/1 a.URGENT normal"],
    ["MAILBOX.MSG.mail.id.x1.y2", "send/1 mail.id.x1.y2 normal"],
    ["MAILBOX.MSG.xid@mq9.urgent", "send/1 xid@mq9 urgent or xid@mq9.urgent normal"],
    [
      "MAILBOX.MSG.order.processing.urgent",
      "send/1 order.processing urgent or order.processing.urgent normal",
    ],
    ["MAILBOX.MSG.urgent", "send/1 urgent normal"],
    ["MAILBOX.MSG.MSG.urgent", "send/1 MSG.urgent normal"],
    [`MAILBOX.MSG.${long}.urgent`, `send/1 ${long} urgent`],
    [`MAILBOX.MSG.${long}a`, "refused invalid"],
    ["MAILBOX.MSG.$SYSTEM.PUBLIC", "refused forbidden"],
    ["MAILBOX.MSG.$SYSTEM.PUBLIC.urgent", "refused forbidden"],
    ["MAILBOX.MSG.$SYSTEM.OTHER", "refused invalid"],
    ["MAILBOX.MSG.a b", "refused invalid"],
    ["MAILBOX.MSG.\u00c3\u00a9", "refused invalid"],
    ["MAILBOX.MSG.a..b", "refused invalid"],
    ["MAILBOX.MSG.", "refused invalid"],
    ["MAILBOX.MSG", "refused invalid"],
    ["MAILBOX.MSG.CREATE", "refused invalid"],
    ["MAILBOX.LIST.agent-b-inbox", "request/1 list agent-b-inbox"],
    ["MAILBOX.LIST.$SYSTEM.PUBLIC", "request/1 list $SYSTEM.PUBLIC"],
    ["MAILBOX.QUERY.$SYSTEM.PUBLIC", "request/0 query $SYSTEM.PUBLIC"],
    ["MAILBOX.LIST.a.urgent", "request/1 list a.urgent"],
    ["MAILBOX.LIST", "request/undefined mailboxes"],
    ["MAILBOX.LIST.", "refused invalid"],
    ["MAILBOX.LIST.", "refused invalid"],
    ["MAILBOX.QUERY", "refused invalid"],
    ["MAILBOX.CREATE.x", "refused invalid"],
    ["MAILBOX.DELETE.m-1.17", "request/1 remove m-1 17"],
    ["MAILBOX.DELETE.task.queue.0", "request/1 remove task.queue 0"],
    ["MAILBOX.DELETE.m-1.", "request/1 remove m-1 "],
    ["MAILBOX.DELETE.m-1", "refused invalid"],
    ["MAILBOX.DELETE", "refused invalid"],
    // what nobody serves (yet)
    // generation 2
    ["MSG.SEND.task.queue", "send/2 task.queue normal"],
    ["MSG.SEND.task", "send/2 task normal"],
    ["MSG.SEND.task.queue.urgent", "send/2 task.queue urgent or task.queue.urgent normal"],
    ["MSG.SEND.task.critical", "send/2 task critical or task.critical normal"],
    ["MSG.SEND.urgent", "send/2 urgent normal"],
    // only the words of its first day are read from the subject
    ["MSG.SEND.task.high", "send/2 task.high normal"],
    ["MSG.SEND.task.normal", "send/2 task.normal normal"],
    ["MSG.SEND", "refused invalid"],
    ["MSG.SEND.", "refused invalid"],
    ["MSG.SEND.a..b", "refused invalid"],
    ["MSG.SEND.CREATE", "refused invalid"],
    ["MSG.SEND.$SYSTEM.PUBLIC", "refused forbidden"],
    ["MSG.SEND.*", "refused forbidden"],
    ["MSG.FETCH.task.queue", "request/2 fetch task.queue"],
    ["MSG.FETCH.task.urgent", "request/2 fetch task.urgent"],
    ["MSG.FETCH.task.dlq", "request/2 fetch task.dlq"],
    [`MSG.FETCH.${"n".repeat(128)}.dlq`, `request/2 fetch ${"n".repeat(128)}.dlq`],
    [`MSG.FETCH.${"n".repeat(129)}`, "refused invalid"],
    [`MSG.FETCH.${"n".repeat(129)}.dlq`, "refused invalid"],
    ["MSG.FETCH.$SYSTEM.PUBLIC", "request/2 fetch $SYSTEM.PUBLIC"],
    ["MSG.FETCH", "refused invalid"],
    ["MSG.ACK.task.queue", "request/2 ack task.queue"],
    ["MSG.ACK.task.g.7.1", "request/2 ack task.g.7.1"],
    ["MSG.ACK.task.=g.7.1", "settle task g 7 1"],
    ["MSG.ACK.a.b.=w=2E1=C3=BC.0.12", "settle a.b w.1ü 0 12"],
    ["MSG.ACK.a.=g.07.1", "refused invalid"],
    ["MSG.ACK.a.=.7.1", "refused invalid"],
    ["MSG.ACK.a.=g=.7.1", "refused invalid"],
    ["MSG.ACK.a.=g=2f.7.1", "refused invalid"],
    ["MSG.ACK.=g.7.1", "refused invalid"],
    ["MSG.QUERY.task", "request/2 search task"],
    ["MSG.DELETE.task.queue.17", "request/2 discard task.queue 17"],
    ["MSG.DELETE.task.x", "request/2 discard task x"],
    ["MSG.DELETE.task", "refused invalid"],
    ["MSG.NACK.task", "request/2 nack task"],
    ["MSG.EXTEND.task", "request/2 extend task"],
    ["MSG.RECEIPT.task.0", "request/2 receipt task 0"],
    ["MSG.SCHEDULED.task", "request/2 scheduled task"],
    ["MSG.CANCEL.task.9", "request/2 cancel task 9"],
    ["MSG.PURGE.task", "request/2 purge task"],
    ["MSG.REDRIVE.task", "request/2 redrive task"],
    ["MSG.PUSH.task", "unknown"],
    ["MSG.task", "unknown"],
    ["AGENT.REGISTER", "request/2 register"],
    ["AGENT.DISCOVER", "request/2 discover"],
    ["AGENT.OTHER", "unknown"],
    ["anything.else", "unknown"],
    ["mailbox.create", "unknown"],
    ["", "unknown"],
    ["x", "unknown"],
    // wildcards
    ["MAILBOX.MSG.*", "refused forbidden"],
    ["MAILBOX.MSG.a.*", "refused forbidden"],
    ["MAILBOX.MSG.a.>", "refused forbidden"],
    ["MAILBOX.MSG.a.#", "refused forbidden"],
    ["INBOX.a.*", "refused forbidden"],
    ["BROADCAST.a.*", "refused forbidden"],
    ["BROADCAST.#", "refused forbidden"],
    ["MAILBOX.LIST.*", "refused forbidden"],
    ["#", "refused forbidden"],
    [">", "refused forbidden"],
    ["BROADCAST.a.b*", "plain"],
    ["BROADCAST.#.a", "plain"],
  ])("%s is %s", (tail, expected) => {
    expect(published(tail)).toBe(expected);
  });

  it("tells who writes to the directory in the words clients know", () => {
    const target = parsePublish(`${space}MAILBOX.MSG.${directoryName}`, options);
    expect(target).toMatchObject({ kind: "refused", error: { message: reserved } });
  });

  it("gives notify no life of its own when that is switched off", () => {
    const target = parsePublish(`${space}INBOX.a.notify`, { ...options, notifyTtlSeconds: 0 });
    expect(target).toMatchObject({ kind: "send", ttlSeconds: undefined });
  });

  it("knows nothing of subjects outside its space", () => {
    expect(parsePublish("orders.new", options)).toEqual({ kind: "plain", known: false });
    expect(parsePublish("$mq9.A", options)).toEqual({ kind: "plain", known: false });
  });
});

describe("subscribing", () => {
  it.each([
    // generation 0
    [`INBOX.${uuid}.*`, `mail/0 ${uuid} 0123 inbox`],
    ["INBOX.a.>", "mail/0 a 0123 inbox"],
    ["INBOX.a.#", "mail/0 a 0123 inbox"],
    ["INBOX.a.b.*", "mail/0 a.b 0123 inbox"],
    ["INBOX.a.urgent", "mail/0 a 01 inbox"],
    ["INBOX.a.critical", "mail/0 a 0 inbox"],
    ["INBOX.a.high", "mail/0 a 01 inbox"],
    ["INBOX.a.normal", "mail/0 a 2 inbox"],
    ["INBOX.a.notify", "mail/0 a 3 inbox"],
    ["INBOX.a.low", "mail/0 a 3 inbox"],
    ["INBOX.a", "mail/0 a 0123 inbox-bare"],
    ["INBOX.m-status-*.normal", "mail/0 glob m-status-* 2 inbox"],
    ["INBOX.m-status-*.*", "mail/0 glob m-status-* 0123 inbox"],
    ["INBOX.m-status-*", "mail/0 glob m-status-* 0123 inbox-bare"],
    ["INBOX.m-*-eu-*.urgent", "mail/0 glob m-*-eu-* 01 inbox"],
    ["INBOX.m-*.normal", "mail/0 glob m-* 2 inbox"],
    [`INBOX.m-${"*x".repeat(8)}.normal`, `mail/0 glob m-${"*x".repeat(8)} 2 inbox`],
    [`INBOX.m-${"*x".repeat(9)}.normal`, "refused forbidden"],
    ["INBOX.m*.normal", "refused forbidden"],
    ["INBOX.*x.normal", "refused forbidden"],
    ["INBOX.*.normal", "refused forbidden"],
    ["INBOX.*.*", "refused forbidden"],
    ["INBOX.*", "refused forbidden"],
    ["INBOX.#", "refused forbidden"],
    ["INBOX.>", "refused forbidden"],
    ["INBOX.team.*.normal", "refused forbidden"],
    ["INBOX.m status-*.normal", "refused invalid"],
    ["INBOX.m-status->.normal", "refused forbidden"],
    ["INBOX.$SYSTEM.PUBLIC.*", "mail/0 $SYSTEM.PUBLIC 0123 inbox"],
    ["INBOX.$X.*", "refused invalid"],
    ["INBOX", "plain $mq9.AI.INBOX"],
    ["BROADCAST.pipeline.complete", "broadcast BROADCAST.pipeline.complete channel"],
    ["BROADCAST.task.available", "broadcast BROADCAST.task.available channel"],
    ["BROADCAST.pipeline.*", "plain $mq9.AI.BROADCAST.pipeline.*"],
    ["BROADCAST.*.complete", "plain $mq9.AI.BROADCAST.*.complete"],
    ["BROADCAST.#", "plain $mq9.AI.BROADCAST.>"],
    ["BROADCAST.a.#", "plain $mq9.AI.BROADCAST.a.>"],
    ["BROADCAST.>", "plain $mq9.AI.BROADCAST.>"],
    ["BROADCAST.#.a", "plain $mq9.AI.BROADCAST.#.a"],
    ["BROADCAST.a*", "plain $mq9.AI.BROADCAST.a*"],
    ["BROADCAST.a.b#", "plain $mq9.AI.BROADCAST.a.b#"],
    ["STATUS.*", "plain $mq9.AI.STATUS.*"],
    ["STATUS.#", "plain $mq9.AI.STATUS.>"],
    ["STATUS.agent-1", "plain $mq9.AI.STATUS.agent-1"],
    // the forerunner of generation 1
    ["MAILBOX.a.*", "mail/1 a 0123 direct"],
    ["MAILBOX.a.>", "mail/1 a 0123 direct"],
    ["MAILBOX.a.#", "mail/1 a 0123 direct"],
    ["MAILBOX.a.b.*", "mail/1 a.b 0123 direct"],
    ["MAILBOX.a.high", "mail/1 a 01 direct"],
    ["MAILBOX.a.normal", "mail/1 a 2 direct"],
    ["MAILBOX.a.low", "mail/1 a 3 direct"],
    ["MAILBOX.*", "refused forbidden"],
    ["MAILBOX.#", "refused forbidden"],
    ["MAILBOX.>", "refused forbidden"],
    ["MAILBOX.*.*", "refused forbidden"],
    ["MAILBOX.*.high", "refused forbidden"],
    ["MAILBOX.m-status-*.high", "refused forbidden"],
    ["MAILBOX.*.x", "refused forbidden"],
    ["MAILBOX.LIST.*", "refused invalid"],
    ["MAILBOX.INFO.>", "refused invalid"],
    ["MAILBOX.CREATE", "plain $mq9.AI.MAILBOX.CREATE"],
    ["MAILBOX.LIST.a", "plain $mq9.AI.MAILBOX.LIST.a"],
    ["MAILBOX.m-*", "plain $mq9.AI.MAILBOX.m-*"],
    ["MAILBOX", "plain $mq9.AI.MAILBOX"],
    ["PUBLIC.LIST", "mail/1 $SYSTEM.PUBLIC 0123 directory-bare"],
    ["PUBLIC.*", "plain $mq9.AI.PUBLIC.*"],
    // generation 1
    ["MAILBOX.MSG.a.*", "mail/1 a 0123 mailbox"],
    ["MAILBOX.MSG.a.>", "mail/1 a 0123 mailbox"],
    ["MAILBOX.MSG.a.#", "mail/1 a 0123 mailbox"],
    ["MAILBOX.MSG.task.queue.*", "mail/1 task.queue 0123 mailbox"],
    ["MAILBOX.MSG.a", "mail/1 a 23 mailbox-bare"],
    ["MAILBOX.MSG.mail.id.x.y", "mail/1 mail.id.x.y 23 mailbox-bare"],
    ["MAILBOX.MSG.a.critical", "mail/1 a 0 mailbox or a.critical 23 mailbox-bare"],
    ["MAILBOX.MSG.a.urgent", "mail/1 a 1 mailbox or a.urgent 23 mailbox-bare"],
    ["MAILBOX.MSG.a.high", "mail/1 a 01 mailbox or a.high 23 mailbox-bare"],
    ["MAILBOX.MSG.a.normal", "mail/1 a 2 mailbox or a.normal 23 mailbox-bare"],
    ["MAILBOX.MSG.a.low", "mail/1 a 3 mailbox or a.low 23 mailbox-bare"],
    ["MAILBOX.MSG.a.notify", "mail/1 a 3 mailbox or a.notify 23 mailbox-bare"],
    [`MAILBOX.MSG.${long}.urgent`, `mail/1 ${long} 1 mailbox`],
    ["MAILBOX.MSG.urgent", "mail/1 urgent 23 mailbox-bare"],
    ["MAILBOX.MSG.$SYSTEM.PUBLIC", "mail/1 $SYSTEM.PUBLIC 23 mailbox-bare"],
    ["MAILBOX.MSG.$SYSTEM.PUBLIC.*", "mail/1 $SYSTEM.PUBLIC 0123 mailbox"],
    ["MAILBOX.MSG.$SYSTEM.PUBLIC.normal", "mail/1 $SYSTEM.PUBLIC 2 mailbox"],
    ["MAILBOX.MSG.$SYSTEM.*", "refused invalid"],
    ["MAILBOX.MSG.*", "refused forbidden"],
    ["MAILBOX.MSG.#", "refused forbidden"],
    ["MAILBOX.MSG.>", "refused forbidden"],
    ["MAILBOX.MSG.*.*", "refused forbidden"],
    ["MAILBOX.MSG.*.urgent", "refused forbidden"],
    ["MAILBOX.MSG.a.*.urgent", "refused forbidden"],
    ["MAILBOX.MSG.m-status-*.normal", "refused forbidden"],
    ["MAILBOX.MSG.a b.*", "refused invalid"],
    ["MAILBOX.MSG", "plain $mq9.AI.MAILBOX.MSG"],
    // generation 2 pushes where it is asked to, one mailbox at a time
    ["MSG.PUSH.a", "mail/2 a 0123 push-bare"],
    ["MSG.PUSH.task.queue.urgent", "mail/2 task.queue.urgent 0123 push-bare"],
    ["MSG.PUSH.$SYSTEM.PUBLIC", "mail/2 $SYSTEM.PUBLIC 0123 push-bare"],
    ["MSG.PUSH.a..b", "refused invalid"],
    ["MSG.PUSH.a.*", "refused forbidden"],
    ["MSG.PUSH", "plain $mq9.AI.MSG.PUSH"],
    ["MSG.*", "refused forbidden"],
    ["MSG.#", "refused forbidden"],
    ["MSG.>", "refused forbidden"],
    ["MSG.*.*", "refused forbidden"],
    ["MSG.SEND.a", "plain $mq9.AI.MSG.SEND.a"],
    // everything
    ["#", "refused forbidden"],
    [">", "refused forbidden"],
    ["*", "plain $mq9.AI.*"],
    ["whatever.#", "plain $mq9.AI.whatever.>"],
  ])("%s is %s", (tail, expected) => {
    expect(subscribed(tail)).toBe(expected);
  });

  it("watches everything where that is allowed", () => {
    expect(subscribed("#", true)).toBe("tap $mq9.AI.>");
    expect(subscribed(">", true)).toBe("tap $mq9.AI.>");
  });

  it("leaves subjects outside its space as they are", () => {
    expect(parseSubscribe("orders.#", options)).toEqual({ kind: "plain", subject: "orders.#" });
  });

  it("hides no rank from a reader who subscribes to every word of one vocabulary", () => {
    const all = (subjects: readonly string[]): number =>
      subjects.reduce((mask, subject) => {
        const target = parseSubscribe(space + subject, options);
        return target.kind === "mail" ? mask | target.ranks : mask;
      }, 0);
    expect(all(["INBOX.a.urgent", "INBOX.a.normal", "INBOX.a.notify"])).toBe(allRanks);
    expect(all(["MAILBOX.a.high", "MAILBOX.a.normal", "MAILBOX.a.low"])).toBe(allRanks);
    expect(all(["MAILBOX.MSG.a.high", "MAILBOX.MSG.a.normal", "MAILBOX.MSG.a.low"])).toBe(allRanks);
    expect(all(["MAILBOX.MSG.a.critical", "MAILBOX.MSG.a.urgent", "MAILBOX.MSG.a"])).toBe(allRanks);
  });

  it("keeps critical mail out of an urgent subscription that has a word beside it", () => {
    const target = parseSubscribe(`${space}MAILBOX.MSG.a.urgent`, options);
    expect(target).toMatchObject({ ranks: maskOf(1) });
  });
});

describe("the generation a subject reveals", () => {
  it.each([
    ["MAILBOX.CREATE", undefined],
    ["INBOX.a.normal", 0],
    ["BROADCAST.a.b", 0],
    ["MAILBOX.QUERY.a", 0],
    ["MAILBOX.a.high", 1],
    ["MAILBOX.MSG.a", 1],
    ["MAILBOX.LIST.a", 1],
    ["MAILBOX.DELETE.a.1", 1],
    ["STATUS.a", undefined],
    ["MAILBOX.MSG.*", undefined],
  ])("%s reveals %s to publish", (tail, generation) => {
    expect(revealedGeneration(parsePublish(space + tail, options))).toBe(generation);
  });

  it.each([
    ["INBOX.a.*", 0],
    ["INBOX.m-status-*.normal", 0],
    ["BROADCAST.a.b", 0],
    ["BROADCAST.#", undefined],
    ["MAILBOX.MSG.a.*", 1],
    ["MAILBOX.a.*", 1],
    ["PUBLIC.LIST", 1],
    ["MAILBOX.MSG.*", undefined],
    [">", undefined],
  ])("%s reveals %s to subscribe", (tail, generation) => {
    expect(revealedGeneration(parseSubscribe(space + tail, options))).toBe(generation);
  });
});

describe("any subject", () => {
  const word = fc.constantFrom(
    "MAILBOX",
    "MSG",
    "INBOX",
    "BROADCAST",
    "CREATE",
    "QUERY",
    "LIST",
    "DELETE",
    "PUBLIC",
    "STATUS",
    "$SYSTEM",
    "AGENT",
    "SEND",
    "FETCH",
    "ACK",
    "PUSH",
    "RECEIPT",
    "=g",
    "=",
    "7",
    "*",
    ">",
    "#",
    "",
    "m-status-*",
    "urgent",
    "normal",
    "notify",
    "a",
    "m-1",
    "__proto__",
    "constructor",
    "toString",
    "\u00ff",
  );
  const subject = fc.oneof(
    fc.array(word, { maxLength: 8 }).map((words) => space + words.join(".")),
    fc.string({ unit: "binary", maxLength: 60 }).map((text) => space + text),
    fc.string({ unit: "binary", maxLength: 60 }),
  );

  it("is understood or refused, but never throws", () => {
    fc.assert(
      fc.property(subject, fc.boolean(), (text, allowTap) => {
        const publish = parsePublish(text, { ...options, allowTap });
        const subscribe = parseSubscribe(text, { ...options, allowTap });
        expect(publish.kind).toBeTypeOf("string");
        expect(subscribe.kind).toBeTypeOf("string");
        if (publish.kind === "send") {
          expect(publish.mailbox).not.toMatch(/[*>#$ ]|^$|\.\./);
        }
        if (subscribe.kind === "mail" && subscribe.match === "exact") {
          expect(subscribe.mailbox).not.toMatch(/[*># ]|^$|\.\./);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
