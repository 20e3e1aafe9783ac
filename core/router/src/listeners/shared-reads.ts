// Plain sockets read into one buffer that all of them share, so that reading makes no garbage: a
// buffer of its own for each read costs more than the bytes in it, once they are few kilobytes a
// message. What is read is handed on at once and gone with the next read of any socket.

import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";

/** One read takes this much at most. Fewer and longer reads and writes beat a smaller, hotter buffer. */
const readBytesMax = 524_288;
const buffer = Buffer.allocUnsafeSlow(readBytesMax);

/** An accepted socket and the constructor's option for what is below it, neither of them declared. */
interface Accepted {
  _handle?: { useUserBuffer?: unknown } | null;
}
interface HandleOptions extends SocketConstructorOpts {
  readonly handle: object;
  readonly onread: OnReadOpts;
}

/**
 * Makes an accepted socket that was not read yet read into the shared buffer. The platform offers this
 * for sockets that it opens, not for those it accepts: their handle moves to a new socket. Where that
 * can not be done the socket reads as ever.
 * @param data is given what was read, valid until it returns
 * @returns the socket to go on with; it reads from the next turn of the event loop on
 */
export function readShared(accepted: Socket, data: (chunk: Buffer) => void): Socket {
  const { _handle: handle } = accepted as Accepted;
  if (typeof handle?.useUserBuffer !== "function") {
    accepted.on("data", data);
    return accepted;
  }
  (accepted as Accepted)._handle = null;
  const options: HandleOptions = {
    handle,
    onread: {
      buffer,
      callback: (bytes) => {
        data(buffer.subarray(0, bytes));
        return true;
      },
    },
  };
  return new Socket(options);
}
