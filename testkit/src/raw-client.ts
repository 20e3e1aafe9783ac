// A TCP client that speaks NATS as a person at a terminal would: lines out, lines expected. It
// hides nothing and answers nothing by itself, so tests see exactly what the server sends.
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Longest wait for what a test expects. */
const patienceMs = 10_000;

/** A MSG or HMSG as it came. `headers` is the whole block, undefined for MSG. */
export interface RawMessage {
  readonly subject: string;
  readonly sid: string;
  readonly reply: string;
  readonly headers: string | undefined;
  readonly payload: Buffer;
}

export interface RawClient extends AsyncDisposable {
  /** The INFO the server opened with. */
  readonly info: Readonly<Record<string, unknown>>;
  /** Sends lines, each ended by CRLF. */
  send(...lines: string[]): void;
  /** Sends bytes as they are. */
  sendBytes(bytes: Uint8Array): void;
  /** PUB with its payload. */
  publish(subject: string, payload: string | Uint8Array, reply?: string): void;
  /**
   * Reads one line for each pattern, which must equal it (string) or match it (RegExp).
   * @returns the lines. @throws naming both when a line differs, or after ten seconds
   */
  expect(...patterns: (string | RegExp)[]): Promise<string[]>;
  /** The next line, without CRLF. */
  readLine(): Promise<string>;
  /** The next line must be MSG or HMSG; reads it with its payload. */
  readMessage(): Promise<RawMessage>;
  /** Sends PING and gathers what comes before the PONG; any line but MSG and HMSG is an error. */
  flush(): Promise<RawMessage[]>;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects and reads INFO.
 * @param connectOptions what CONNECT carries; null = send no CONNECT
 */
export async function connectRaw(
  port: number,
  connectOptions: Readonly<Record<string, unknown>> | null = {},
): Promise<RawClient> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  const reader = createReader(socket);
  await once(socket, "connect");
  const first = await reader.line();
  if (!first.startsWith("INFO ")) throw new Error(`expected INFO, got: ${first}`);
  const client = createRawClient(socket, reader, JSON.parse(first.slice(5)));
  if (connectOptions !== null) {
    client.send(
      `CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...connectOptions })}`,
    );
  }
  return client;
}

function createRawClient(
  socket: Socket,
  reader: Reader,
  info: Readonly<Record<string, unknown>>,
): RawClient {
  const send = (...lines: string[]) => {
    socket.write(lines.map((line) => `${line}\r\n`).join(""));
  };
  const close = async () => {
    socket.destroy();
    await reader.closed;
  };
  const messageAfter = async (line: string): Promise<RawMessage> => {
    const parts = line.split(" ");
    const verb = parts[0];
    if (verb !== "MSG" && verb !== "HMSG") throw new Error(`expected a message, got: ${line}`);
    const sizes = verb === "MSG" ? 1 : 2;
    const [subject = "", sid = "", reply = ""] = parts.slice(1, -sizes);
    const total = Number(parts.at(-1));
    const headerSize = verb === "MSG" ? 0 : Number(parts.at(-2));
    const body = await reader.bytes(total + 2);
    const headers = verb === "MSG" ? undefined : body.toString("latin1", 0, headerSize);
    return { subject, sid, reply, headers, payload: body.subarray(headerSize, total) };
  };
  return {
    info,
    send,
    sendBytes: (bytes) => {
      socket.write(bytes);
    },
    publish: (subject, payload, reply) => {
      const body = Buffer.from(payload);
      const head = `PUB ${subject} ${reply === undefined ? "" : `${reply} `}${body.length}\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), body, Buffer.from("\r\n")]));
    },
    expect: async (...patterns) => {
      const lines: string[] = [];
      for (const pattern of patterns) {
        const line = await reader.line(`expected ${pattern}, got nothing`);
        const fits = typeof pattern === "string" ? line === pattern : pattern.test(line);
        if (!fits) throw new Error(`expected ${pattern}, got: ${line}`);
        lines.push(line);
      }
      return lines;
    },
    readLine: () => reader.line(),
    readMessage: async () => await messageAfter(await reader.line("expected a message")),
    flush: async () => {
      send("PING");
      const messages: RawMessage[] = [];
      for (;;) {
        const line = await reader.line("expected PONG, got nothing");
        if (line === "PONG") return messages;
        messages.push(await messageAfter(line));
      }
    },
    closed: reader.closed,
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Reader {
  line(complaint?: string): Promise<string>;
  bytes(count: number): Promise<Buffer>;
  readonly closed: Promise<void>;
}

/** Cuts the stream into what is asked for. One caller at a time. */
function createReader(socket: Socket): Reader {
  let buffered: Buffer = Buffer.alloc(0);
  let ended = false;
  let wake: (() => void) | undefined;
  socket.on("data", (chunk: Buffer) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    wake?.();
  });
  // A reset is one of the ways a server closes; `close` follows and tells the reader.
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      ended = true;
      wake?.();
      resolve();
    });
  });
  const take = async (size: () => number, complaint: string): Promise<Buffer> => {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const wanted = size();
      if (wanted >= 0 && buffered.length >= wanted) {
        const taken = buffered.subarray(0, wanted);
        buffered = buffered.subarray(wanted);
        return taken;
      }
      if (ended) throw new Error(`${complaint}: the server closed the connection`);
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${complaint}: nothing came for ${patienceMs} ms`)),
          deadline - Date.now(),
        );
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  return {
    line: async (complaint = "expected a line") => {
      const line = await take(() => buffered.indexOf("\n") + 1 || -1, complaint);
      return line.toString("utf8").replace(/\r?\n$/, "");
    },
    bytes: (count) => take(() => count, `expected ${count} bytes`),
    closed,
  };
}
