// A broker that answers nonsense, by mistake or on purpose: the client says what it got, hands out nothing that
// was not there, asks no faster than it would of a broker that is well, and goes on hearing.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { connect, type Mq9, Mq9Error } from "@mq9/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

/** Answers every request with one text, and each subscription with one message. */
class Nonsense {
  answer = "{}";
  /** What comes on a subscription to a subject that holds this: header block and payload. */
  pushes: { readonly on: string; readonly block: string; readonly payload: string }[] = [];
  /** Subjects that were published on. */
  readonly asked: string[] = [];
  readonly #server: Server = createServer((socket) => this.#serve(socket));

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
  }

  #serve(socket: Socket): void {
    const sids = new Map<string, string>();
    let rest = "";
    socket.on("error", () => {});
    socket.write(
      `INFO {"version":"2.10.0","mq9":"0.1.0","headers":true,"max_payload":1048576}\r\n`,
    );
    socket.setEncoding("latin1").on("data", (bytes: string) => {
      rest += bytes;
      for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
        const words = rest.slice(0, end).split(" ");
        const [verb = "", subject = "", reply = ""] = words;
        const length = verb.endsWith("PUB") ? Number(words.at(-1)) + 2 : 0;
        if (rest.length < end + 2 + length) return;
        rest = rest.slice(end + 2 + length);
        if (verb === "PING") socket.write("PONG\r\n");
        else if (verb === "SUB") this.#subscribed(socket, subject, words.at(-1) ?? "", sids);
        else if (length > 0) this.#published(socket, subject, reply, sids);
      }
    });
  }

  #subscribed(socket: Socket, subject: string, sid: string, sids: Map<string, string>): void {
    sids.set(subject.replace("*", ""), sid);
    for (const { on, block, payload } of this.pushes) {
      if (!subject.includes(on)) continue;
      const to = subject.replace("*", "x");
      const sizes = `${block.length} ${block.length + payload.length}`;
      socket.write(`HMSG ${to} ${sid} ${sizes}\r\n${block}${payload}\r\n`, "latin1");
    }
  }

  #published(socket: Socket, subject: string, reply: string, sids: Map<string, string>): void {
    this.asked.push(subject);
    const sid = [...sids].find(([prefix]) => reply.startsWith(prefix))?.[1];
    socket.write(`MSG ${reply} ${sid} ${this.answer.length}\r\n${this.answer}\r\n`, "latin1");
  }
}

const broker = new Nonsense();
let mq9: Mq9;

beforeAll(async () => {
  mq9 = await connect({ url: await broker.start(), timeoutMs: 2_000 });
});
beforeEach(() => {
  broker.answer = "{}";
  broker.pushes = [];
  broker.asked.length = 0;
});
afterAll(async () => {
  await mq9.close();
  broker.stop();
});

describe("answers", () => {
  it.each(["", "hello \u001b[31m", "5", "null", "[1,2]", "[".repeat(50_000)])(
    "that are no JSON object are told, visibly: %j",
    async (answer) => {
      broker.answer = answer;
      const error = await mq9.send("box", "x").catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Mq9Error);
      expect((error as Mq9Error).code).toBe("invalid_data");
      const letters = [...(error as Mq9Error).message];
      expect(letters.filter((letter) => letter < " ")).toEqual([]);
    },
  );

  it("that do not say that a message is stored are no success", async () => {
    await expect(mq9.send("box", "x")).rejects.toMatchObject({ code: "invalid_data" });
  });

  it.each([
    ["more bytes than there are", '{"messages":[{"msg_id":0,"payload_bytes":99}]}\nabc'],
    ["fewer than none", '{"messages":[{"msg_id":0,"header_bytes":-3}]}\nabc'],
    ["half a byte", '{"messages":[{"msg_id":0,"payload_bytes":0.5}]}\nabc'],
    ["no base64", '{"messages":[{"msg_id":0,"payload":"*","payload_encoding":"base64"}]}'],
  ])("whose messages have %s are refused", async (_, answer) => {
    broker.answer = answer;
    await expect(mq9.mailbox("box").fetch()).rejects.toMatchObject({ code: "invalid_data" });
    const consumer = mq9.mailbox("box").consume(() => {}, { onError: () => {} });
    await expect(consumer.done).rejects.toMatchObject({ code: "invalid_data" });
  });

  it("that never end a list end it", async () => {
    broker.answer =
      '{"mailboxes":[{"mail_address":"same"}],"messages":[{"msg_id":3,"payload":"a"}]}';
    const names: string[] = [];
    for await (const { name } of mq9.mailboxes()) names.push(name);
    expect(names).toEqual(["same", "same"]);
    const numbers: number[] = [];
    for await (const { msgId } of mq9.mailbox("box").list()) numbers.push(msgId);
    expect(numbers).toEqual([3, 3]);
  });

  it("that come at once though there is nothing are not asked for in a rush", async () => {
    broker.answer = '{"messages":[],"more":true}';
    const consumer = mq9.mailbox("box").consume(() => {}, { onError: () => {} });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await consumer.stop();
    expect(broker.asked.length).toBeGreaterThan(1);
    expect(broker.asked.length).toBeLessThan(50);
  });
});

describe("messages that come", () => {
  it("unreadable are told by status(), and what follows is heard", async () => {
    const good = { block: "NATS/1.0\r\nmq9-msg-id: 7\r\n\r\n", payload: '{"event":"listed"}' };
    broker.pushes = [
      { on: "PUSH", block: "NATS/1.0\r\nx: a\rb\r\n\r\n", payload: "bad" },
      { on: "PUSH", ...good },
      { on: "WATCH", block: "NATS/1.0\r\n\r\n", payload: "no JSON" },
      { on: "WATCH", ...good },
    ];
    const status = mq9.status();
    for (const loop of [mq9.mailbox("box").messages(), mq9.mailbox("b").messages({ group: "g" })]) {
      for await (const { msgId } of loop) {
        expect(msgId).toBe(7);
        break;
      }
    }
    for await (const { type } of mq9.agents.watch()) {
      expect(type).toBe("listed");
      break;
    }
    const told = [await status.next(), await status.next(), await status.next()];
    expect(told.map(({ value }) => value.error.code)).toEqual(Array(3).fill("invalid_data"));
    await mq9.flush();
  });

  it("whose numbers are none have none", async () => {
    const block = "NATS/1.0\r\nmq9-msg-id: 1e999\r\nmq9-ts: soon\r\n\r\n";
    broker.pushes = [{ on: "PUSH", block, payload: "x" }];
    for await (const { msgId, createdAt } of mq9.mailbox("box").messages()) {
      expect([msgId, createdAt.getTime()]).toEqual([-1, 0]);
      break;
    }
  });
});
