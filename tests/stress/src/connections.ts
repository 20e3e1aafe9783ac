// Stress by connections: storms of them, idle crowds, crowds that stop reading, more than there are files.
import { closeCrowd, hello, type Member, openCrowd } from "./crowd.ts";
import { type Held, pause, type Server } from "./server.ts";

export interface StormResult {
  readonly rounds: number;
  readonly perRound: number;
  readonly secondsPerRound: number;
  /** Memory in bytes before, and after the last round. */
  readonly base: Held;
  readonly after: Held;
}

/** Opens a crowd and closes it, again and again. The first round warms up and is not measured. */
export async function storm(
  server: Server,
  perRound: number,
  rounds: number,
): Promise<StormResult> {
  const round = async (how: "end" | "destroy"): Promise<void> => {
    const crowd = await openCrowd({ port: server.port, count: perRound });
    if (crowd.length !== perRound) throw new Error(`${crowd.length} of ${perRound} were let in`);
    await closeCrowd(crowd, how);
  };
  const idle = await server.held();
  await round("end");
  const base = await server.heldWhen(({ sockets }) => sockets <= idle.sockets);
  const startMs = performance.now();
  for (let at = 0; at < rounds; at += 1) await round(at % 2 === 0 ? "end" : "destroy");
  const seconds = (performance.now() - startMs) / 1_000;
  const after = await server.heldWhen(
    ({ sockets, heldBytes }) => sockets <= idle.sockets && heldBytes <= base.heldBytes * 1.1,
  );
  return {
    rounds,
    perRound,
    secondsPerRound: seconds / rounds,
    base: { ...base, sockets: idle.sockets },
    after,
  };
}

export interface IdleResult {
  readonly count: number;
  readonly seconds: number;
  readonly rssBytesEach: number;
  readonly heldBytesEach: number;
  readonly base: Held;
  readonly after: Held;
}

/** Holds connections that have nothing to say, each with one subscription, then lets them go. */
export async function idle(server: Server, count: number): Promise<IdleResult> {
  const base = await server.held();
  const startMs = performance.now();
  const crowd = await openCrowd({
    port: server.port,
    count,
    says: hello.replace("PING", "SUB idle.box 1\r\nPING"),
  });
  const seconds = (performance.now() - startMs) / 1_000;
  if (crowd.length !== count) throw new Error(`${crowd.length} of ${count} were let in`);
  await pause(1_000);
  const full = await server.held();
  const alive = crowd.filter(({ closed }) => !closed).length;
  if (alive !== count) throw new Error(`${count - alive} of ${count} were closed`);
  await closeCrowd(crowd, "destroy");
  const after = await server.heldWhen(
    ({ sockets, heldBytes }) =>
      sockets <= base.sockets &&
      // The latest closed connections are remembered for monitoring.
      heldBytes - base.heldBytes < (full.heldBytes - base.heldBytes) / 3,
  );
  return {
    count,
    seconds,
    rssBytesEach: Math.round((full.rssBytes - base.rssBytes) / count),
    heldBytesEach: Math.round((full.heldBytes - base.heldBytes) / count),
    base,
    after,
  };
}

export interface StuckResult {
  readonly count: number;
  readonly published: number;
  /** The most the broker was seen to hold, without a collection. */
  readonly peakRssBytes: number;
  readonly base: Held;
  readonly after: Held;
}

export interface StuckOptions {
  readonly count: number;
  readonly payloadBytes: number;
  readonly messages: number;
}

/** Readers that subscribe and never read again, while somebody publishes to all of them. */
export async function stuck(server: Server, options: StuckOptions): Promise<StuckResult> {
  const { port } = server;
  const { count, payloadBytes, messages } = options;
  const base = await server.held();
  const crowd = await openCrowd({
    port,
    count,
    says: hello.replace("PING", "SUB stuck.all 1\r\nPING"),
    each: ({ socket }) => socket.pause(),
  });
  const [writer] = await openCrowd({ port, count: 1 });
  if (writer === undefined) throw new Error("the publisher was not let in");
  const payload = "s".repeat(payloadBytes);
  let peakRssBytes = base.rssBytes;
  for (let at = 0; at < messages; at += 1) {
    await flushed(writer, `PUB stuck.all ${payloadBytes}\r\n${payload}\r\n`);
    if (at % Math.ceil(messages / 10) === 0) {
      peakRssBytes = Math.max(peakRssBytes, (await server.held()).rssBytes);
    }
  }
  peakRssBytes = Math.max(peakRssBytes, (await server.held()).rssBytes);
  await closeCrowd(crowd, "destroy");
  await closeCrowd([writer], "end");
  const after = await server.heldWhen(({ sockets }) => sockets <= base.sockets);
  return { count, published: messages, peakRssBytes, base, after };
}

/** Sends something and waits for the PONG behind it. */
export async function flushed(member: Member, text: string): Promise<void> {
  const { socket } = member;
  member.tail = "";
  socket.write(Buffer.from(`${text}PING\r\n`, "latin1"));
  const deadline = Date.now() + 30_000;
  while (!member.tail.endsWith("PONG\r\n")) {
    if (member.closed || Date.now() > deadline) {
      throw new Error(`no PONG; closed: ${member.closed}; last: ${JSON.stringify(member.tail)}`);
    }
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        socket.off("data", done);
        socket.off("close", done);
        resolve();
      };
      const timer = setTimeout(done, 1_000);
      socket.once("data", done);
      socket.once("close", done);
    });
  }
}
