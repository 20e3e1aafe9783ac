// `mq9 passwd` and `mq9 nkey`: what a person needs to describe users in a configuration file. Neither
// stores anything; what is secret goes to standard output alone.
import { generateKeyPairSync } from "node:crypto";
import { hashPassword } from "@mq9/auth";
import { encodeNkey, encodeNkeySeed } from "@mq9/wire";
import type { Command } from "commander";
import { usageError } from "../exit-codes.ts";

/** Adds both commands to the program. */
export function addKeyCommands(program: Command): void {
  program
    .command("passwd")
    .summary("hash a password for a configuration file")
    .description(
      "Reads a password from the terminal, without showing it, or the first line of standard input, and prints its hash (scrypt), to stand behind `password:` of a user.",
    )
    .action(async () => {
      process.stdout.write(`${await hashPassword(await readPassword())}\n`);
    });
  program
    .command("nkey")
    .summary("make a key pair for a user")
    .description(
      "Makes a key pair and prints two lines: the seed (SU…), which is for the client and has to stay secret, and the public key (U…), which stands behind `nkey:` of a user in the configuration file.",
    )
    .action(() => {
      const { seed, publicKey } = newUserKey();
      process.stdout.write(`${seed}\n${publicKey}\n`);
    });
}

/** A new key pair as NATS writes it. */
export function newUserKey(): { readonly seed: string; readonly publicKey: string } {
  const pair = generateKeyPairSync("ed25519");
  // The last 32 bytes of both encodings are the key itself.
  const seed = pair.privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
  const key = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  return { seed: encodeNkeySeed("U", seed), publicKey: encodeNkey("U", key) };
}

async function readPassword(): Promise<string> {
  const { stdin } = process;
  if (!stdin.isTTY) {
    let text = "";
    for await (const chunk of stdin.setEncoding("utf8")) text += String(chunk);
    return checked(text.split(/\r?\n/, 1)[0] ?? "");
  }
  const password = checked(await ask("Password: "));
  if ((await ask("Again: ")) !== password) throw usageError("the two are not the same");
  return password;
}

function checked(password: string): string {
  if (password === "") throw usageError("the password is empty");
  return password;
}

/** Asks on the terminal; what is typed is not shown. */
function ask(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed = "";
    const finish = (end: () => void) => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      end();
    };
    const onData = (text: string) => {
      for (const character of text) {
        if (character === "\u0003") return finish(() => reject(usageError("given up")));
        if (character === "\r" || character === "\n" || character === "\u0004") {
          return finish(() => resolve(typed));
        }
        typed =
          character === "\u007f" || character === "\b" ? typed.slice(0, -1) : typed + character;
      }
    };
    stdin.on("data", onData);
  });
}
