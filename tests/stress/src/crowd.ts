// Many raw connections at once, from as many local addresses as their number needs.
import { connect, type Socket } from "node:net";

/** What a member says on INFO: CONNECT of a quiet client, and PING. */
export const hello =
  'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\nPING\r\n';

/** One connection of a crowd. */
export interface Member {
  readonly socket: Socket;
  /** Bytes that came after the first PONG. */
  receivedBytes: number;
  /** What came last, as a byte string; for errors. */
  tail: string;
  closed: boolean;
}

export interface CrowdOptions {
  readonly port: number;
  readonly count: number;
  /** Connections under way at a time. */
  readonly atOnce?: number;
  /** Sent on INFO; "" waits for INFO alone. */
  readonly says?: string;
  /** A member is there when its input holds this. */
  readonly until?: string;
  /** Called for each member that is there. */
  readonly each?: (member: Member) => void;
}

/** Local ports of one address that may be used: others need some too. */
const perAddress = 20_000;

/** Opens a crowd. @returns those that were let in */
export async function openCrowd(options: CrowdOptions): Promise<Member[]> {
  const { count, atOnce = 500 } = options;
  const members: Member[] = [];
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < count) {
      const member = await openMember(options, started++);
      if (member === undefined) continue;
      members.push(member);
      options.each?.(member);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
  return members;
}

/** Ends a crowd, abruptly or with FIN, and waits until all sockets are closed. */
export async function closeCrowd(
  members: readonly Member[],
  how: "end" | "destroy",
): Promise<void> {
  await Promise.all(
    members.map(
      ({ socket, closed }) =>
        new Promise<void>((resolve) => {
          if (closed) return resolve();
          socket.once("close", () => resolve());
          socket.resume();
          socket[how]();
        }),
    ),
  );
}

async function openMember(options: CrowdOptions, index: number): Promise<Member | undefined> {
  const { port, says = hello, until = "PONG\r\n" } = options;
  const address = Math.floor(index / perAddress);
  const socket = connect({
    host: "127.0.0.1",
    port,
    noDelay: true,
    // Binding costs more than connecting, so the first ones do without.
    ...(address === 0 ? {} : { localAddress: `127.0.0.${1 + address}` }),
  });
  const member: Member = { socket, receivedBytes: 0, tail: "", closed: false };
  return await new Promise((resolve) => {
    let isIn = false;
    let hasInfo = false;
    socket.on("error", () => undefined); // a refused or reset connection is not let in: "close" says so
    socket.on("close", () => {
      member.closed = true;
      resolve(undefined);
    });
    socket.on("data", (chunk: Buffer) => {
      const text = member.tail + chunk.toString("latin1");
      member.tail = text.slice(-200);
      if (isIn) {
        member.receivedBytes += chunk.length;
        return;
      }
      if (!hasInfo && text.includes("\r\n")) {
        hasInfo = true;
        if (says !== "") socket.write(says);
      }
      const at = says === "" ? 0 : text.indexOf(until);
      if (!hasInfo || at < 0) return;
      isIn = true;
      // Mail may come right behind the PONG.
      member.receivedBytes = says === "" ? 0 : text.length - at - until.length;
      resolve(member);
    });
  });
}
