// What the domain must do, written as plainly as possible: arrays, linear scans, no store, no time
// of its own. The model test compares every reply and every delivery of the domain with it.
import { directoryName, neverMs, type Rank, type RankMask } from "@mq9/protocol";

/** A vanished member, or a crash, gives back what was handed out less than this long ago. */
const givenBackWithinMs = 30_000;

export interface ModelMessage {
  readonly id: number;
  readonly rank: Rank;
  readonly text: string;
  readonly key: string | undefined;
  readonly expiresAtMs: number;
}

/** The newest life of a name. */
interface ModelMailbox {
  readonly name: string;
  latest: boolean;
  public: boolean;
  expiresAtMs: number;
  nextId: number;
  messages: ModelMessage[];
  /** Highest number per rank that was handed to anybody: at least, at most, and surely on disk. */
  readAtLeast: number[];
  readAtMost: number[];
  readWritten: number[];
}

export interface ModelReader {
  readonly reader: number;
  /** A name, or a pattern with one `*` at its end. */
  readonly mailbox: string;
  readonly ranks: RankMask;
  readonly group: string | undefined;
  readonly endId: number;
  /** Messages it takes before it has to be asked to read on. */
  room: number;
  readonly got: { mailbox: string; id: number }[];
}

/** How far a message got in a group. Without an entry it waits to be handed out. */
interface Progress {
  readonly mailbox: string;
  readonly group: string;
  readonly id: number;
  /** `out`: with a member. `done`: never again. `maybe`: a crash may have forgotten that it was done. */
  state: "out" | "done" | "written" | "maybe";
  readonly reader: number;
  readonly atMs: number;
}

interface Offer {
  readonly mailbox: string;
  readonly message: ModelMessage;
  /** Its mailbox took part in patterns. */
  readonly forPatterns: boolean;
}

export interface ModelState {
  nowMs: number;
  mailboxes: ModelMailbox[];
  readers: ModelReader[];
  progress: Progress[];
  /** What could be handed out in this step: what was there at its start or came since. */
  offered: Offer[];
}

export interface CreateOrder {
  readonly name: string;
  readonly latest: boolean;
  readonly public: boolean;
  readonly ttlSeconds: number;
  readonly strict: boolean;
}

export interface SendOrder {
  readonly mailbox: string;
  readonly rank: Rank;
  readonly text: string;
  readonly key: string | undefined;
  readonly ttlSeconds: number | undefined;
}

export class Model {
  readonly state: ModelState;

  constructor(state: ModelState) {
    this.state = state;
  }

  // --- commands: each returns the reply, `gone` for a mailbox that is not there --------------------

  create(order: CreateOrder): string {
    const known = this.#live(order.name);
    if (known !== undefined) {
      if (order.strict || (order.latest && !known.latest)) return "exists";
      if (order.public && !known.public) {
        known.public = true;
        this.#list(known);
        for (const message of known.messages)
          this.state.offered.push(this.#offer(order.name, message));
      }
      return `found ${this.#describe(known)}`;
    }
    const earlier = this.#mailbox(order.name);
    if (earlier !== undefined) this.#unlist(order.name);
    const mailbox = this.#begin(order.name, earlier?.nextId ?? 0);
    mailbox.latest = order.latest;
    mailbox.public = order.public;
    mailbox.expiresAtMs = this.#end(order.ttlSeconds);
    if (order.public) this.#list(mailbox);
    return `made ${this.#describe(mailbox)}`;
  }

  /** @param id the number the domain gave, which may be higher after a failure */
  send(order: SendOrder, id: number | undefined): string {
    const mailbox = this.#live(order.mailbox);
    if (mailbox === undefined) return "gone";
    const { rank, text } = order;
    const key = mailbox.latest ? "newest" : order.key;
    const expiresAtMs = order.ttlSeconds === undefined ? neverMs : this.#end(order.ttlSeconds);
    const free = Math.max(mailbox.nextId, id ?? 0);
    this.#append(mailbox, { id: free, rank, text, key, expiresAtMs });
    return String(free);
  }

  remove(name: string, id: number): string {
    const mailbox = this.#live(name);
    if (mailbox === undefined) return "gone";
    if (!this.contents(name).some((message) => message.id === id)) return "message_not_found";
    mailbox.messages = mailbox.messages.filter((message) => message.id !== id);
    return "ok";
  }

  renew(name: string, ttlSeconds: number): string {
    const mailbox = this.#live(name);
    if (mailbox === undefined) return "gone";
    mailbox.expiresAtMs = this.#end(ttlSeconds);
    if (mailbox.public) this.#list(mailbox);
    return this.#describe(mailbox);
  }

  drop(name: string): string {
    const mailbox = this.#live(name);
    if (mailbox === undefined) return "gone";
    this.#unlist(name);
    mailbox.expiresAtMs = this.state.nowMs;
    return "ok";
  }

  info(name: string): string {
    const mailbox = this.#live(name);
    return mailbox === undefined ? "gone" : this.#describe(mailbox);
  }

  list(): string {
    const names = this.state.mailboxes.map((mailbox) => mailbox.name);
    return names
      .filter((name) => name !== directoryName && this.#live(name) !== undefined)
      .sort()
      .join(" ");
  }

  /** What QUERY returns, in order, but for `unread`. */
  contents(name: string): ModelMessage[] {
    const alive = this.#live(name)?.messages.filter((each) => this.state.nowMs < each.expiresAtMs);
    return (alive ?? []).sort((a, b) => a.rank - b.rank || a.id - b.id);
  }

  exists(name: string): boolean {
    return name === directoryName || this.#live(name) !== undefined;
  }

  /** The least and the most that QUERY may count as unread. */
  unread(name: string): [number, number] {
    const mailbox = this.#mailbox(name);
    const above = (marks: readonly number[] | undefined): number =>
      this.contents(name).filter(({ rank, id }) => id > (marks?.[rank] ?? -1)).length;
    return [above(mailbox?.readAtMost), above(mailbox?.readAtLeast)];
  }

  // --- readers ----------------------------------------------------------------------------------

  subscribe(reader: Omit<ModelReader, "endId" | "got"> & { replayOnly: boolean }): void {
    const { replayOnly, ...rest } = reader;
    const endId = replayOnly ? (this.#mailbox(reader.mailbox)?.nextId ?? 0) : neverMs;
    this.state.readers.push({ ...rest, endId, got: [] });
  }

  leave(reader: number, vanished: boolean): void {
    this.state.readers = this.state.readers.filter((each) => each.reader !== reader);
    const mine = this.state.progress.filter((each) => each.reader === reader);
    for (const each of mine.filter(({ state }) => state === "out")) {
      if (vanished && this.#young(each)) this.#forget(each);
      else each.state = "done";
    }
  }

  read(reader: number, room: number): void {
    for (const each of this.state.readers) if (each.reader === reader) each.room = room;
  }

  /** Checks one delivery. @throws {Error} saying what is wrong with it */
  handed(reader: number, mailbox: string, id: number, text: string): void {
    const to = this.state.readers.find((each) => each.reader === reader);
    const what = `${mailbox} ${id}:${text} to reader ${reader}`;
    if (to === undefined) throw new Error(`${what}, which is gone`);
    if (to.room <= 0) throw new Error(`${what}, which has no room`);
    to.room -= 1;
    const offers = this.state.offered.filter((each) => each.mailbox === mailbox);
    const offer = offers.findLast((each) => each.message.id === id);
    if (offer === undefined) throw new Error(`${what}: there is no such message`);
    const { message } = offer;
    if (message.text !== text) throw new Error(`${what}: it says ${message.text}`);
    if (!wants(to, offer)) throw new Error(`${what}, which did not ask for it`);
    if (to.group === undefined) {
      const before = to.got.filter((each) => each.mailbox === mailbox);
      if (before.some((each) => each.id === id)) throw new Error(`${what} for the second time`);
    } else {
      const progress = this.#progress(to, id);
      if (progress !== undefined && progress.state !== "maybe") {
        throw new Error(`${what} though it is ${progress.state}`);
      }
      if (progress !== undefined) this.#forget(progress);
      const { group } = to;
      const atMs = this.state.nowMs;
      this.state.progress.push({ mailbox, group, id, state: "out", reader, atMs });
    }
    to.got.push({ mailbox, id });
    const box = this.#mailbox(mailbox) as ModelMailbox;
    for (const marks of [box.readAtLeast, box.readAtMost]) {
      marks[message.rank] = Math.max(marks[message.rank] as number, id);
    }
  }

  /** The answer came that these messages are gone. */
  withdraw(mailbox: string, ids: readonly number[]): void {
    const away = (offer: Offer): boolean =>
      offer.mailbox === mailbox && ids.includes(offer.message.id);
    this.state.offered = this.state.offered.filter((offer) => !away(offer));
  }

  /** What must be on its way to a reader now, in order. */
  waitingFor(reader: ModelReader): ModelMessage[] {
    const names = this.state.mailboxes.map((mailbox) => mailbox.name);
    return names.flatMap((name) =>
      this.contents(name).filter((message) => {
        if (!wants(reader, this.#offer(name, message))) return false;
        if (reader.group !== undefined) return this.#progress(reader, message.id) === undefined;
        return !reader.got.some((each) => each.mailbox === name && each.id === message.id);
      }),
    );
  }

  // --- time and disasters -------------------------------------------------------------------------

  /** Before every step. */
  begin(): void {
    this.state.offered = this.state.mailboxes.flatMap(({ name }) =>
      this.contents(name).map((message) => this.#offer(name, message)),
    );
  }

  /** Positions were written. */
  tick(): void {
    for (const mailbox of this.state.mailboxes) mailbox.readWritten = [...mailbox.readAtLeast];
    for (const each of this.state.progress) if (each.state === "done") each.state = "written";
  }

  /** The process is gone, and with it every reader and what was not written. */
  crash(): void {
    this.state.readers = [];
    for (const mailbox of this.state.mailboxes) mailbox.readAtLeast = [...mailbox.readWritten];
    for (const each of this.state.progress.slice()) {
      if (each.state === "out" && this.#young(each)) this.#forget(each);
      else if (each.state !== "written") each.state = "maybe";
    }
  }

  /** A creation that failed may have cost memory what it knew of the mailbox's readers. */
  doubt(name: string): void {
    const mailbox = this.#mailbox(name);
    if (mailbox !== undefined) mailbox.readAtLeast = [...mailbox.readWritten];
    for (const each of this.state.progress) if (each.mailbox === name) each.state = "maybe";
  }

  // --- details ------------------------------------------------------------------------------------

  #mailbox(name: string): ModelMailbox | undefined {
    return this.state.mailboxes.find((mailbox) => mailbox.name === name);
  }

  #live(name: string): ModelMailbox | undefined {
    const mailbox = this.#mailbox(name);
    return mailbox !== undefined && this.state.nowMs < mailbox.expiresAtMs ? mailbox : undefined;
  }

  #begin(name: string, nextId: number): ModelMailbox {
    const mailbox: ModelMailbox = {
      name,
      latest: false,
      public: false,
      expiresAtMs: neverMs,
      nextId,
      messages: [],
      readAtLeast: [-1, -1, -1, -1],
      readAtMost: [-1, -1, -1, -1],
      readWritten: [-1, -1, -1, -1],
    };
    this.state.mailboxes = this.state.mailboxes.filter((each) => each.name !== name);
    this.state.mailboxes.push(mailbox);
    return mailbox;
  }

  #append(mailbox: ModelMailbox, message: ModelMessage): void {
    const { key } = message;
    if (key !== undefined) {
      mailbox.messages = mailbox.messages.filter((each) => each.key !== key);
    }
    mailbox.messages.push(message);
    mailbox.nextId = message.id + 1;
    this.state.offered.push(this.#offer(mailbox.name, message));
  }

  #list(mailbox: ModelMailbox): void {
    const directory = this.#mailbox(directoryName) ?? this.#begin(directoryName, 0);
    const { name, expiresAtMs } = mailbox;
    const entry = {
      id: directory.nextId,
      rank: 2 as Rank,
      text: `${name}:`,
      key: name,
      expiresAtMs,
    };
    this.#append(directory, entry);
  }

  #unlist(name: string): void {
    const directory = this.#mailbox(directoryName);
    if (directory === undefined) return;
    directory.messages = directory.messages.filter((entry) => entry.key !== name);
  }

  #offer(name: string, message: ModelMessage): Offer {
    const mailbox = this.#mailbox(name) as ModelMailbox;
    return { mailbox: name, message, forPatterns: mailbox.latest || mailbox.public };
  }

  #progress(reader: ModelReader, id: number): Progress | undefined {
    return this.state.progress.find(
      (each) => each.mailbox === reader.mailbox && each.group === reader.group && each.id === id,
    );
  }

  #forget(progress: Progress): void {
    this.state.progress = this.state.progress.filter((each) => each !== progress);
  }

  #young(progress: Progress): boolean {
    return this.state.nowMs - progress.atMs < givenBackWithinMs;
  }

  #end(ttlSeconds: number): number {
    return ttlSeconds === 0 ? neverMs : this.state.nowMs + ttlSeconds * 1000;
  }

  #describe(mailbox: ModelMailbox): string {
    const kind = mailbox.latest ? "latest" : "standard";
    return `${kind} ${mailbox.public ? "public" : "private"} until ${mailbox.expiresAtMs}`;
  }
}

function wants(reader: ModelReader, { mailbox, message, forPatterns }: Offer): boolean {
  const pattern = reader.mailbox.endsWith("*");
  const named = pattern
    ? forPatterns && mailbox.startsWith(reader.mailbox.slice(0, -1))
    : mailbox === reader.mailbox;
  return named && (reader.ranks & (1 << message.rank)) !== 0 && message.id < reader.endId;
}

export function emptyModel(nowMs: number): Model {
  return new Model({ nowMs, mailboxes: [], readers: [], progress: [], offered: [] });
}
