// A raw client connection for load generators: bytes out in blocks, bytes in scanned in place.
// Used by the load-*.mjs files. It never decodes a subject or a payload it does not have to.
import net from "node:net";

const lineFeed = 10;
const carriageReturn = 13;
const letterM = 77; // MSG
const letterH = 72; // HMSG
const letterP = 80; // PING, PONG
const letterMinus = 45; // -ERR

/** What is read at once. A frame must fit, so payloads stay far below it. */
const receiveBytes = 512 * 1024;

/**
 * Opens a connection, says CONNECT and waits for the first PONG.
 * @param {number} port on the loopback interface
 * @returns {Promise<Connection>}
 */
export function connect(port) {
  const connection = new Connection(port);
  return connection.ready.then(() => connection);
}

/** One socket whose reads land in one reused buffer. */
export class Connection {
  /** Called as `(buffer, end)`; returns how many bytes it used. Set it after `connect`. */
  onBytes = scanFrames(() => {});
  /** Replaceable: what happens when the connection breaks in the middle of a load. */
  failed = (error) => {
    throw error;
  };
  #closing = false;
  #socket;
  #received = Buffer.allocUnsafeSlow(receiveBytes);
  #filled = 0;
  #pongs = [];
  #fail;

  constructor(port) {
    this.ready = new Promise((resolve, reject) => {
      this.#fail = (error) => {
        reject(error);
        this.failed(error);
      };
      this.#pongs.push(resolve);
    });
    this.#socket = net.connect({
      host: "127.0.0.1",
      port,
      noDelay: true,
      onread: {
        // Called before each read: what was not used stays in front of what comes next.
        buffer: () => this.#received.subarray(this.#filled),
        callback: (bytes) => {
          this.#take(bytes);
          return true;
        },
      },
    });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => {
      if (!this.#closing) this.#fail(new Error("the server closed the connection"));
    });
    this.send(
      'CONNECT {"verbose":false,"pedantic":false,"protocol":1,"headers":true,"no_responders":true,"lang":"bench","version":"1","name":"bench"}\r\nPING\r\n',
    );
  }

  /** Writes without copying: the caller does not change `bytes` before `released` is called. */
  send(bytes, released) {
    this.#socket.write(bytes, released);
  }

  /** Resolves with the PONG of a PING sent now: everything sent before has been processed. */
  flush() {
    return new Promise((resolve) => {
      this.#pongs.push(resolve);
      this.send("PING\r\n");
    });
  }

  close() {
    this.#closing = true;
    this.#socket.destroy();
  }

  /** For `onBytes` handlers that meet a control line. */
  control(buffer, at, lineEnd) {
    const first = buffer[at];
    if (first === letterP && buffer[at + 1] === 79) this.#pongs.shift()?.();
    else if (first === letterP) this.send("PONG\r\n");
    else if (first === letterMinus) this.#fail(new Error(buffer.latin1Slice(at, lineEnd).trim()));
  }

  #take(bytes) {
    const end = this.#filled + bytes;
    const used = this.onBytes(this.#received, end, this);
    if (used < end) this.#received.copyWithin(0, used, end);
    this.#filled = end - used;
    if (this.#filled === receiveBytes) this.#fail(new Error("a frame larger than the buffer"));
  }
}

/**
 * An `onBytes` handler that calls `onMessage(buffer, at, lineEnd, bodyAt, bodyEnd)` for every MSG
 * and HMSG. `at` is the first byte of the frame and `lineEnd` the LF of its first line; for HMSG
 * the body begins with its headers.
 */
export function scanFrames(onMessage, afterChunk) {
  return (buffer, end, connection) => {
    let at = 0;
    while (at < end) {
      const lineEnd = buffer.indexOf(lineFeed, at);
      if (lineEnd < 0 || lineEnd >= end) break;
      const first = buffer[at];
      if (first !== letterM && first !== letterH) {
        connection.control(buffer, at, lineEnd);
        at = lineEnd + 1;
        continue;
      }
      const bodyAt = lineEnd + 1;
      const bodyEnd = bodyAt + trailingNumber(buffer, lineEnd - 1);
      if (bodyEnd + 2 > end) break;
      if (buffer[bodyEnd] !== carriageReturn) throw new Error("lost the frame boundary");
      onMessage(buffer, at, lineEnd, bodyAt, bodyEnd);
      at = bodyEnd + 2;
    }
    afterChunk?.();
    return at;
  };
}

/**
 * An `onBytes` handler for a subscription whose frames all have the same length, so that counting
 * costs one comparison per message. Control lines between frames are allowed.
 */
export function countFrames(frameBytes, onCount) {
  return (buffer, end, connection) => {
    let at = 0;
    let count = 0;
    while (at < end) {
      if (buffer[at] === letterM) {
        if (at + frameBytes > end) break;
        if (buffer[at + frameBytes - 1] !== lineFeed) throw new Error("a frame of another length");
        at += frameBytes;
        count++;
        continue;
      }
      const lineEnd = buffer.indexOf(lineFeed, at);
      if (lineEnd < 0 || lineEnd >= end) break;
      connection.control(buffer, at, lineEnd);
      at = lineEnd + 1;
    }
    if (count > 0) onCount(count);
    return at;
  };
}

/** The decimal number that ends just before `end` (the CR of a control line). */
function trailingNumber(buffer, end) {
  let value = 0;
  let unit = 1;
  for (let at = end - 1; ; at--) {
    const digit = buffer[at] - 48;
    if (digit < 0 || digit > 9) return value;
    value += digit * unit;
    unit *= 10;
  }
}
