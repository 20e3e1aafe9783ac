// What a parser hands over. The frame of a publish is one reused object: nothing is allocated for
// an operation that arrives whole.

import { viewOf } from "./bytes.ts";
import type { WireError } from "./errors.ts";

/** What a frame refers to while it holds nothing. */
export const noBytes: Buffer = Buffer.alloc(0);
/** The same, as a view. */
export const noView: DataView = viewOf(noBytes);

/**
 * One PUB or HPUB, as positions in `data`. Valid only during the call it is handed over in; of a
 * lasting one, `data` itself stays as it is.
 *
 * `data` holds, contiguously and in canonical form, `<subject> [<reply> ]<sizes>\r\n<headers>
 * <payload>\r\n`. Everything after the subject and its space, from `tailStart` to `tailEnd`, is
 * therefore exactly what a MSG or HMSG carries after its sid.
 */
export class PublishFrame {
  data: Buffer = noBytes;
  /** The same bytes as `data`. */
  view: DataView = noView;
  /** Nobody writes to `data` again: what is kept need not be copied. Always so of a large message. */
  lasting = true;
  subjectStart = 0;
  subjectEnd = 0;
  /** Of the subject's bytes; see `hashByte`. */
  subjectHash = 0;
  /** Equal to `replyEnd` when there is no reply subject. */
  replyStart = 0;
  replyEnd = 0;
  /** Where headers begin, or the payload when there are none. */
  bodyStart = 0;
  /** Length of the header block; 0 = none. */
  headerBytes = 0;
  /** Where the payload ends. */
  bodyEnd = 0;

  /** First byte after the subject and its space. */
  get tailStart(): number {
    return this.subjectEnd + 1;
  }

  /** After the CRLF that ends the payload. */
  get tailEnd(): number {
    return this.bodyEnd + 2;
  }

  /** Headers and payload, `headerBytes` of the former first, for whoever keeps them. */
  keepBody(): Buffer {
    const { data, bodyStart, bodyEnd } = this;
    if (this.lasting) return data.subarray(bodyStart, bodyEnd);
    const kept = Buffer.allocUnsafe(bodyEnd - bodyStart);
    data.copy(kept, 0, bodyStart, bodyEnd);
    return kept;
  }
}

/** One step of the hash that a frame carries of its subject. Start from 0. */
export function hashByte(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

/**
 * Who acts on operations. Strings are byte strings. Methods are called in the order of the bytes
 * and must not throw; any of them may halt or suspend the parser.
 */
export interface OperationSink {
  publish(frame: PublishFrame): void;
  /** `queue` is "" for a plain subscription. */
  subscribe(subject: string, queue: string, sid: string): void;
  /** `max` is 0 for at once. */
  unsubscribe(sid: string, max: number): void;
  /** `json` is UTF-8 text, not yet parsed. */
  connect(json: string): void;
  /** An INFO from the peer; `json` is UTF-8 text, not yet parsed. */
  info(json: string): void;
  ping(): void;
  pong(): void;
  /** An -ERR from the peer. */
  peerError(text: string): void;
  /** The bytes break the protocol. The parser has halted. `undefined`: close without a word. */
  violation(error: WireError | undefined): void;
}
