// Makes random conversations of several clients: right operations cut anywhere, subscriptions that come
// and go, queue groups, headers, requests, and now and then something that ends a connection. Leaves
// out what the two servers are known to answer differently (./exceptions.ts).
import type { Random } from "../malformed/random.ts";
import { type Act, connectLine, hpub, pub, type Script } from "./script.ts";

const names = ["a", "b", "c", "d"];
const patterns = [
  "foo",
  "foo.bar",
  "foo.*",
  "foo.>",
  "*",
  "*.bar",
  ">",
  "in.*",
  "in.>",
  "a.b.c",
  "a.*.c",
  "é.*",
];
const targets = [
  "foo",
  "foo.bar",
  "foo.baz",
  "bar",
  "a.b.c",
  "a.x.c",
  "in.1",
  "foo..x",
  "foo.*",
  ">",
  "nobody",
  "$SYS.x",
];
/** To a pedantic client the real server tells an error again for every read that a publish takes. */
const literals = targets.filter((subject) => !/[*>]|\.\./.test(subject));
const replies = ["in.1", "in.2.x", "r", "foo.bar", "nobody"];
const invalid = ["a..b", "a.>.b", ".", "x."];
const groups = ["q", "r"];
const blocks = [
  "NATS/1.0\r\n\r\n",
  "NATS/1.0\r\nA: b\r\n\r\n",
  "NATS/1.0\r\nA:1\r\nA:2\r\nB: \xc3\xa9\r\n\r\n",
];
const endings = [
  "JUNK\r\n",
  "PUB foo\r\n",
  "SUB a b c d\r\n",
  "PUB foo 2\r\nxyz\r\n",
  "PUB foo 99999999\r\n",
  "INFO x\r\n",
  "\r\n",
  "-ERR 'x'\r\n",
  "CONNECT x\r\n",
];

interface Speaker {
  readonly name: string;
  readonly headers: boolean;
  readonly pedantic: boolean;
  /** Its subscriptions that are in no queue group. */
  readonly sids: string[];
  connects: string;
  gone: boolean;
}

/** A conversation of one to four clients; `name` tells its place in the run. */
export function randomConversation(random: Random, name: string): Script {
  const speakers = names
    .slice(0, 1 + random.below(names.length))
    .map((each) => newSpeaker(random, each));
  const pools = groups.map((): string[] => []);
  const acts: Act[] = [];
  let nextSid = 1;
  const subscribe = (speaker: Speaker): string => {
    const subject = random.once(12) ? random.pick(invalid) : random.pick(patterns);
    const group = random.below(groups.length);
    if (speaker.headers && random.once(4)) {
      const sid = `9${nextSid++}`;
      pools[group]?.push(`${speaker.name}:${sid}`);
      return `SUB ${utf8(subject)} ${groups[group]} ${sid}\r\n`;
    }
    const taken = speaker.sids.length > 0 && random.once(8);
    const sid = taken ? random.pick(speaker.sids) : `${nextSid++}`;
    speaker.sids.push(sid);
    return `SUB ${utf8(subject)} ${sid}\r\n`;
  };
  const publish = (speaker: Speaker): string => {
    const reply = random.once(3) ? random.pick(replies) : "";
    const payload = random.once(6)
      ? "x".repeat(random.below(5_000))
      : random.pick(["", "hi", "PUB foo 0\r\n", "\0\xff"]);
    const subject = random.pick(speaker.pedantic ? literals : targets);
    if (!speaker.headers || random.once(2)) return pub(subject, payload, reply);
    return hpub(subject, random.pick(blocks), payload, reply);
  };
  const operation = (speaker: Speaker): string => {
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        return subscribe(speaker);
      case 3: {
        const sid = random.once(6) ? "77777" : speaker.sids.at(-1 - random.below(3));
        if (sid === undefined) return "UNSUB 1\r\n";
        return `UNSUB ${sid}${random.once(2) ? ` ${random.below(5)}` : ""}\r\n`;
      }
      case 4:
        return random.pick(["PING\r\n", "PONG\r\n", "+OK\r\n", "INFO {}\r\n"]);
      default:
        return publish(speaker);
    }
  };
  for (let count = 2 + random.below(8); count > 0; count -= 1) {
    const speaker = random.pick(speakers);
    if (speaker.gone) continue;
    let send = speaker.connects;
    speaker.connects = "";
    for (let more = 1 + random.below(4); more > 0; more -= 1)
      send += spelled(random, operation(speaker));
    if (random.once(15)) {
      send += random.pick(endings);
      speaker.gone = true;
    }
    acts.push({
      client: speaker.name,
      send,
      ...(random.once(3) ? { pieceBytes: 1 + random.below(20) } : {}),
    });
    if (random.once(20) && !speaker.gone) {
      acts.push({ client: speaker.name, send: "", leaves: true });
      speaker.gone = true;
    }
  }
  return { name, acts, pools };
}

function newSpeaker(random: Random, name: string): Speaker {
  const headers = !random.once(4);
  const pedantic = random.once(5);
  const options = {
    verbose: random.once(4),
    pedantic,
    echo: !random.once(4),
    headers,
    no_responders: headers && !random.once(3),
  };
  // Without CONNECT there are no headers.
  const silent = random.once(12);
  return {
    name,
    headers: headers && !silent,
    pedantic: pedantic || silent,
    sids: [],
    connects: silent ? "" : connectLine(options),
    gone: false,
  };
}

/** The same operation in another of its spellings. */
function spelled(random: Random, operation: string): string {
  if (!random.once(6)) return operation;
  const end = operation.indexOf("\r\n");
  const line = operation.slice(0, end).replace(/^\S+/, (verb) => verb.toLowerCase());
  const wider = line.startsWith("info")
    ? line
    : line.replaceAll(" ", random.pick(["  ", "\t", " \t"]));
  return wider + (random.once(2) ? "\n" : "\r\n") + operation.slice(end + 2);
}

function utf8(subject: string): string {
  return Buffer.from(subject, "utf8").toString("latin1");
}
