// Counts of what the domain does, as plain numbers: one addition where it happens. Read by whoever
// made them; the domain itself never looks at them.

/** How many values fell under each of some upper bounds. */
export class Histogram {
  /** Ascending. */
  readonly bounds: readonly number[];
  /** Values per bound, each counted once; the last is for those above all bounds. */
  readonly counts: Float64Array;
  sum = 0;
  readonly #last: number;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
    this.#last = bounds.length;
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < this.#last && value > (bounds[at] as number)) at += 1;
    counts[at] = (counts[at] as number) + 1;
    this.sum += value;
  }

  /** Values so far. */
  get count(): number {
    let count = 0;
    for (const each of this.counts) count += each;
    return count;
  }
}

/** From at once to days: agents may be offline for long. */
const mailBoundsMs = [
  1, 5, 10, 50, 100, 500, 1_000, 5_000, 30_000, 60_000, 300_000, 3_600_000, 86_400_000,
];

/** What happened to mail. Numbers only grow, but for `leases`. */
export class MailMeters {
  /** Handed to a subscriber, a member of a queue group or a consumer, each time anew. */
  deliveries = 0;
  /** Those of them that were not the first of their group. */
  redeliveries = 0;
  /** Messages acknowledged, by themselves or with others. */
  acks = 0;
  /** Messages handed back by their consumer. */
  nacks = 0;
  /** Messages moved to the dead letters. */
  deadLetters = 0;
  /** Leases that ended because nobody settled the message in time. */
  leasesExpired = 0;
  /** Messages removed after their time to live. */
  messagesExpired = 0;
  /** Mailboxes that reached their end. */
  mailboxesExpired = 0;
  /** Messages that are out with a consumer now. */
  leases = 0;
  /** From stored to handed out, at the first delivery. */
  readonly queueMs: Histogram = new Histogram(mailBoundsMs);
  /** From handed out to acknowledged. */
  readonly leaseMs: Histogram = new Histogram(mailBoundsMs);

  /** A group handed a message to one reader. @param queuedMs since it was stored */
  handedOut(isFirst: boolean, queuedMs: number): void {
    this.deliveries += 1;
    if (isFirst) this.queueMs.observe(queuedMs);
    else this.redeliveries += 1;
  }
}

/** Hears of every commit; one is under way at a time. */
export interface CommitObserver {
  commitBegan(changes: number): void;
  commitEnded(stored: boolean): void;
}
