// The configured side of a token or password: plain, bcrypt or scrypt. Says what kind it is and
// whether an offered text fits; never shows itself. Slow kinds are verified off the event loop.
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { compareWithBcrypt } from "./bcrypt.ts";
import { digestOf, sameDigest } from "./digest.ts";

/** Cost of hashes that `hashPassword` makes: 2^15 rounds of 8 blocks, 32 MiB, about 60 ms. */
const ownCost: ScryptCost = { logN: 15, blocks: 8, parallel: 1 };
const saltBytes = 16;
const hashBytes = 32;
/** A hash that asks for more memory than this is not taken. */
const scryptMemoryMax = 256 * 1024 * 1024;
/** 2^16 rounds take seconds already. */
const bcryptCostMax = 16;

interface ScryptCost {
  readonly logN: number;
  readonly blocks: number;
  readonly parallel: number;
}

interface ScryptHash {
  readonly cost: ScryptCost;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const bcryptForm = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const scryptForm =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,86})\$([A-Za-z0-9+/]{22,86})$/;

/** A configured token or password. Printing it shows nothing. */
export class Secret {
  /** Verifying takes long enough to need a queue. */
  readonly isSlow: boolean;
  readonly #text: string;
  readonly #digest: Buffer;

  /** @param text as configured; `secretProblem` said nothing against it */
  constructor(text: string) {
    this.#text = text;
    this.#digest = digestOf(text);
    this.isSlow = isHash(text);
  }

  /** Whether another secret was configured with the same text. */
  equals(digest: Buffer): boolean {
    return sameDigest(this.#digest, digest);
  }

  /** Of the text as configured. */
  get digest(): Buffer {
    return this.#digest;
  }

  /** Of a plain secret only. @param offered digest of what is offered; constant time */
  matchesDigest(offered: Buffer): boolean {
    return !this.isSlow && sameDigest(this.#digest, offered);
  }

  /** Of a hash only. @returns undefined when that could not be found out; never rejects */
  async verify(offered: string): Promise<boolean | undefined> {
    const hash = parseScrypt(this.#text);
    if (hash === undefined) return await compareWithBcrypt(offered, this.#text);
    try {
      return timingSafeEqual(await derive(offered, hash), hash.hash);
    } catch {
      return undefined; // no memory, for instance: whoever it is may try again
    }
  }
}

/** What is wrong with a configured token or password, in words; undefined = nothing. Never repeats it. */
export function secretProblem(text: string): string | undefined {
  if (text === "") return "is empty";
  if (text.startsWith("$2")) {
    const cost = bcryptForm.exec(text)?.[1];
    if (cost === undefined) {
      return "looks like a bcrypt hash but is none: it must be $2a$, $2b$ or $2y$, a cost of two digits, $ and 53 characters";
    }
    if (Number(cost) < 4 || Number(cost) > bcryptCostMax) {
      return `is a bcrypt hash of cost ${cost}; it must be from 4 to ${bcryptCostMax}`;
    }
  }
  if (text.startsWith("$scrypt$")) {
    const hash = parseScrypt(text);
    if (hash === undefined) return "looks like a scrypt hash but is none: make one with mq9 passwd";
    const { logN, blocks, parallel } = hash.cost;
    if (memoryOf(hash.cost) > scryptMemoryMax || parallel > 4 || logN < 10 || blocks < 1) {
      return "is a scrypt hash of a cost that is not taken: make one with mq9 passwd";
    }
  }
  return undefined;
}

/** Whether a configured text is a hash and no plain secret. */
export function isHash(text: string): boolean {
  return bcryptForm.test(text) || scryptForm.test(text);
}

/** Hashes a password for a configuration file. @returns `$scrypt$…`, about 90 characters */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, { cost: ownCost, salt, hash: Buffer.alloc(hashBytes) });
  const { logN, blocks, parallel } = ownCost;
  return `$scrypt$ln=${logN},r=${blocks},p=${parallel}$${unpadded(salt)}$${unpadded(hash)}`;
}

function parseScrypt(text: string): ScryptHash | undefined {
  const parts = scryptForm.exec(text);
  if (parts === null) return undefined;
  const [, logN, blocks, parallel, salt = "", hash = ""] = parts;
  return {
    cost: { logN: Number(logN), blocks: Number(blocks), parallel: Number(parallel) },
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
}

function derive(password: string, { cost, salt, hash }: ScryptHash): Promise<Buffer> {
  const options = {
    N: 2 ** cost.logN,
    r: cost.blocks,
    p: cost.parallel,
    maxmem: 2 * memoryOf(cost) + 1_048_576,
  };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}

function memoryOf({ logN, blocks }: ScryptCost): number {
  return 128 * blocks * 2 ** logN;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
