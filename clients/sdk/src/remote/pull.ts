// The pulling half of the waist over the wire: requests of generation 2 and our additions to it.
import {
  type AckRequest,
  type CancelRequest,
  type ExtendRequest,
  type FetchRequest,
  type FetchResult,
  fetchWaitMsMax,
  type GrantInfo,
  type GrantRequest,
  type MailboxDetail,
  type MailMessage,
  Mq9Error,
  type NackRequest,
  type PullApi,
  type PurgeRequest,
  type ReceiptRequest,
  type ReceiptResult,
  type RedriveRequest,
  type ScheduledMessage,
  type ScheduledRequest,
  type StartPosition,
  type TokenRight,
} from "@mq9/protocol";
import { abortedError } from "../errors.ts";
import type { Reply } from "../link.ts";
import { assertFinite, assertNumber } from "../numbers.ts";
import { type CallOptions, RemoteCalls } from "./calls.ts";
import { listEarly } from "./early.ts";
import {
  ackModeField,
  grantOf,
  mailboxDetailOf,
  mailOf,
  numberIn,
  rawMessagesIn,
  readRaw,
  receiptOf,
  rowsIn,
  scheduledOf,
  textIn,
} from "./wire.ts";

/** A token as it was handed out; nobody shows it again. */
export interface IssuedGrant extends GrantInfo {
  readonly token: string;
}

export class RemotePull extends RemoteCalls implements PullApi {
  async inspect(mailbox: string, options: CallOptions = {}): Promise<MailboxDetail> {
    const what = `looking at mailbox ${mailbox}`;
    await this.dialect(what, "mq9");
    const subject = `MAILBOX.INFO.${mailbox}`;
    return mailboxDetailOf(
      await this.succeed({ ...options, subject, mailbox, what, kind: "read" }),
    );
  }

  async purge(request: PurgeRequest, options: CallOptions = {}): Promise<number> {
    const { mailbox, beforeId } = request;
    const what = `purging ${mailbox}`;
    if (beforeId !== undefined) assertNumber(`${what} below ${beforeId}`, beforeId);
    await this.dialect(what, "mq9");
    const reply = await this.succeed({
      ...options,
      subject: `MSG.PURGE.${mailbox}`,
      body: beforeId === undefined ? {} : { before_id: beforeId },
      mailbox,
      what,
      // Without a bound a second try would take what came meanwhile.
      kind: beforeId === undefined ? "once" : "again",
    });
    return numberIn(reply, "purged") ?? 0;
  }

  /**
   * `consumer` is this connection, whatever is given. An aborted fetch hands back what it took all the same.
   * Without a group, `latest` is remembered by the broker for one connection.
   */
  async fetch(request: FetchRequest, options: CallOptions = {}): Promise<FetchResult> {
    const { mailbox, group, waitMs } = request;
    const what = `fetching from ${mailbox}`;
    const dialect = await this.dialect(what, "mq9", "msg", "mailbox", "inbox");
    if (dialect === "mailbox" || dialect === "inbox")
      return await listEarly(this, dialect, request, options);
    const { limit, leaseMs, deliveriesMax, fairEvery, start } = request;
    assertFinite(what, { limit, waitMs, leaseMs, deliveriesMax, fairEvery, ...startFields(start) });
    const endMs = performance.now() + waitMs;
    const { signal, timeoutMs = this.link.options.timeoutMs, background = false } = options;
    const takes = group !== undefined && request.look !== true;
    const reply = this.succeed({
      subject: `MSG.FETCH.${mailbox}`,
      body: () =>
        fetchBody(request, Math.max(0, Math.ceil(endMs - performance.now())), dialect === "mq9"),
      timeoutMs: Math.min(waitMs, fetchWaitMsMax) + timeoutMs,
      mailbox,
      what,
      kind: "read",
      signal: takes ? undefined : signal,
      known: takes ? "what it may have taken comes back when its leases end" : undefined,
      read: dialect === "mq9" ? readRaw : undefined,
      background: () => background || signal?.aborted === true,
    });
    const result = reply.then((fields) => fetchResultOf(mailbox, fields));
    if (!takes || signal === undefined) return await result;
    return await this.#orHandBack(result, group, signal, what);
  }

  /** What a fetch takes that nobody waits for any more must not stay leased. */
  async #orHandBack(
    result: Promise<FetchResult>,
    group: string,
    signal: AbortSignal,
    what: string,
  ): Promise<FetchResult> {
    let abort: () => void = () => {};
    const aborted = new Promise<"aborted">((resolve) => {
      abort = () => resolve("aborted");
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
    const first = await Promise.race([result, aborted]).finally(() => {
      signal.removeEventListener("abort", abort);
    });
    if (first !== "aborted") return first;
    result.then(
      ({ messages }) => {
        for (const message of messages) void this.#giveBack(group, message);
      },
      () => {}, // nothing was taken
    );
    throw abortedError(signal, what);
  }

  async #giveBack(group: string, message: MailMessage): Promise<void> {
    const { mailbox, msgId, deliveryCount } = message;
    try {
      await this.nack({ mailbox, group, msgId, deliveryCount, unseen: true });
    } catch {
      // its lease ends by itself
    }
  }

  async ack(request: AckRequest, options: CallOptions = {}): Promise<readonly number[]> {
    const { mailbox, group, msgId, alsoMsgIds, mode } = request;
    const what = `acknowledging message ${msgId} of ${mailbox}`;
    const dialect = await this.dialect(what, "mq9", "msg");
    if (dialect === "msg" && alsoMsgIds !== undefined) {
      for (const each of alsoMsgIds) await this.ack({ mailbox, group, msgId: each, mode }, options);
    }
    const names =
      alsoMsgIds === undefined || dialect === "msg"
        ? { msg_id: msgId, mail_address: mailbox, ...(dialect === "mq9" ? ackModeField(mode) : {}) }
        : { msg_ids: [msgId, ...alsoMsgIds] };
    const reply = await this.succeed({
      ...options,
      subject: `MSG.ACK.${mailbox}`,
      body: { group_name: group, ...names },
      mailbox,
      what,
      kind: "again",
    });
    const acked = reply["acked"];
    return Array.isArray(acked) ? (acked as number[]) : [msgId, ...(alsoMsgIds ?? [])];
  }

  async nack(request: NackRequest, options: CallOptions = {}): Promise<void> {
    const { mailbox, group, msgId, delayMs, poison, reason, deliveryCount, unseen } = request;
    const what = `returning message ${msgId} of ${mailbox}`;
    await this.dialect(what, "mq9");
    await this.repeated(
      {
        ...options,
        subject: `MSG.NACK.${mailbox}`,
        body: {
          group_name: group,
          msg_id: msgId,
          delay_ms: delayMs,
          unseen: unseen === true ? true : undefined,
          poison,
          reason,
          delivery_count: deliveryCount,
        },
        mailbox,
        what,
        kind: "again",
      },
      // Back with its group: by the first try, or because the lease ended with the connection.
      poison === true ? [] : ["not_delivered"],
      {
        codes: ["not_delivered"],
        known:
          "it lies among the dead letters, or came back to its group with the lease that ended",
      },
    );
  }

  async extend(request: ExtendRequest, options: CallOptions = {}): Promise<number> {
    const { mailbox, group, msgId, leaseMs, deliveryCount } = request;
    const what = `extending the lease on message ${msgId} of ${mailbox}`;
    await this.dialect(what, "mq9");
    const reply = await this.succeed({
      ...options,
      subject: `MSG.EXTEND.${mailbox}`,
      body: {
        group_name: group,
        msg_id: msgId,
        ack_wait_ms: leaseMs,
        delivery_count: deliveryCount,
      },
      mailbox,
      what,
      kind: "again",
    });
    return numberIn(reply, "lease_ends_at_ms") ?? 0;
  }

  async receipt(request: ReceiptRequest, options: CallOptions = {}): Promise<ReceiptResult> {
    const { mailbox, msgId } = request;
    const what = `asking for the receipt of message ${msgId} of ${mailbox}`;
    assertNumber(what, msgId);
    await this.dialect(what, "mq9");
    const subject = `MSG.RECEIPT.${mailbox}.${msgId}`;
    return receiptOf(await this.succeed({ ...options, subject, mailbox, what, kind: "read" }));
  }

  async redrive(request: RedriveRequest, options: CallOptions = {}): Promise<number> {
    const { mailbox, msgId, limit } = request;
    const what = `putting dead letters back into ${mailbox}`;
    await this.dialect(what, "mq9");
    const reply = await this.succeed({
      ...options,
      subject: `MSG.REDRIVE.${mailbox}`,
      body: { msg_id: msgId, limit },
      mailbox,
      what,
      kind: "once",
    });
    return numberIn(reply, "redriven") ?? 0;
  }

  async scheduled(
    request: ScheduledRequest,
    options: CallOptions = {},
  ): Promise<readonly ScheduledMessage[]> {
    const { mailbox, afterId, limit } = request;
    const what = `listing what is scheduled in ${mailbox}`;
    await this.dialect(what, "mq9");
    const reply = await this.succeed({
      ...options,
      subject: `MSG.SCHEDULED.${mailbox}`,
      body: { ...(afterId < 0 ? {} : { after_id: afterId }), limit, encoding: "utf8" },
      mailbox,
      what,
      kind: "read",
    });
    return rowsIn(reply, "scheduled").map((row) => scheduledOf(mailbox, row));
  }

  async cancel(request: CancelRequest, options: CallOptions = {}): Promise<void> {
    const { mailbox, scheduledId } = request;
    const what = `canceling scheduled message ${scheduledId} of ${mailbox}`;
    assertNumber(what, scheduledId);
    await this.dialect(what, "mq9");
    const subject = `MSG.CANCEL.${mailbox}.${scheduledId}`;
    await this.repeated({ ...options, subject, mailbox, what, kind: "again" }, [], {
      codes: ["message_not_found"],
      known: "it was canceled, or it became visible meanwhile",
    });
  }

  /** The broker makes tokens itself: use `issueGrant`. @throws {Mq9Error} `unsupported`, always */
  async grant(_request: GrantRequest): Promise<GrantInfo> {
    throw new Mq9Error(
      "unsupported",
      "a token made elsewhere can not be brought in over the wire: use issueGrant(), whose token the broker makes",
    );
  }

  /** Makes a token for these rights. `ttlSeconds` 0 = as long as the mailbox lives. Errors as `grant`. */
  async issueGrant(
    request: Pick<GrantRequest, "mailbox" | "rights" | "ttlSeconds">,
    options: CallOptions = {},
  ): Promise<IssuedGrant> {
    const { mailbox, rights, ttlSeconds } = request;
    const what = `making a token for ${mailbox}`;
    await this.dialect(what, "mq9");
    const reply = await this.succeed({
      ...options,
      subject: `MAILBOX.GRANT.${mailbox}`,
      body: { rights: [...rights] satisfies TokenRight[], ttl: ttlSeconds },
      mailbox,
      what,
      kind: "once",
    });
    return { token: textIn(reply, "token") ?? "", ...grantOf(reply) };
  }

  async grants(mailbox: string, options: CallOptions = {}): Promise<readonly GrantInfo[]> {
    const what = `listing the tokens of ${mailbox}`;
    await this.dialect(what, "mq9");
    const subject = `MAILBOX.GRANTS.${mailbox}`;
    const reply = await this.succeed({ ...options, subject, mailbox, what, kind: "read" });
    return rowsIn(reply, "grants").map(grantOf);
  }

  async revoke(mailbox: string, grantId: string, options: CallOptions = {}): Promise<boolean> {
    const what = `revoking a token of ${mailbox}`;
    await this.dialect(what, "mq9");
    const { reply, failure, attempts } = await this.ask({
      ...options,
      subject: `MAILBOX.REVOKE.${mailbox}`,
      body: { grant_id: grantId },
      mailbox,
      what,
      kind: "again",
    });
    if (failure !== undefined) throw failure;
    return reply["revoked"] === true || attempts > 1;
  }
}

function fetchBody(request: FetchRequest, waitMs: number, ours: boolean): Reply {
  const { group, start, restart, limit, bytesMax, leaseMs, held, deliveriesMax, fairEvery } =
    request;
  return {
    ...(group === undefined ? {} : { group_name: group }),
    ...startFields(start),
    ...(restart === true ? { force_deliver: true } : {}),
    config: { num_msgs: limit, max_wait_ms: waitMs },
    ...(ours
      ? {
          encoding: "raw",
          detached: request.detached === true ? true : undefined,
          look: request.look === true ? true : undefined,
          ack_wait_ms: leaseMs,
          held,
          max_deliver: deliveriesMax,
          fair_every: fairEvery,
          bytes: bytesMax === undefined ? undefined : Math.ceil(bytesMax / 0.75),
        }
      : {}),
  };
}

function startFields(start: StartPosition): Reply {
  switch (start.at) {
    case "latest":
    case "earliest":
      return { deliver: start.at };
    case "time":
      // Milliseconds where the broker can tell them from seconds.
      return {
        deliver: "from_time",
        from_time:
          start.ms > 1e11 ? Math.floor(start.ms) : Math.max(1, Math.floor(start.ms / 1000)),
      };
    case "id":
      return { deliver: "from_id", from_id: start.msgId };
  }
}

function fetchResultOf(mailbox: string, reply: Reply): FetchResult {
  return {
    messages:
      rawMessagesIn(mailbox, reply) ??
      rowsIn(reply, "messages").map((item) => mailOf(mailbox, item)),
    more: reply["more"] === true,
  };
}
