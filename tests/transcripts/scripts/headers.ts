// Scripts on HPUB: sizes, header blocks that are well formed, and those that are none.
import { afterHello, connectLine, hpub, pub, type Script, shown, utf8 } from "../script.ts";

const block = "NATS/1.0\r\nA: b\r\n\r\n";

const sizes: readonly string[] = [
  "0 0",
  "0 2",
  "18 18",
  "18 20",
  "20 18",
  "1 0",
  "-1 20",
  "18 -1",
  "a 20",
  "18 a",
  "18",
  "20",
  "18 20 20",
  "018 20",
  "18 020",
  "018 020",
  "+18 20",
  "18.0 20",
  "18 1048577",
  "1048577 1048577",
  "999999999 999999999",
  "1000000000 1000000001",
  "18 4294967296",
  "0 -1",
  "-0 2",
  "00 2",
  "0 00",
  "17 20",
  "19 20",
]; // prettier-ignore

export const goodBlocks: readonly string[] = [
  "NATS/1.0\r\n\r\n",
  "NATS/1.0\r\nA:b\r\n\r\n",
  "NATS/1.0\r\nA: b\r\n\r\n",
  "NATS/1.0\r\nA:  b  \r\n\r\n",
  "NATS/1.0\r\nA:\r\n\r\n",
  "NATS/1.0\r\nA: \r\n\r\n",
  "NATS/1.0\r\nA:b\r\nA:c\r\nA:b\r\n\r\n",
  "NATS/1.0\r\na:b\r\nA:c\r\n\r\n",
  "NATS/1.0\r\nA:b:c:d\r\n\r\n",
  "NATS/1.0\r\nA-b_c.d!#$%&'*+^`|~:x\r\n\r\n",
  "NATS/1.0\r\n0:1\r\n\r\n",
  "NATS/1.0 503\r\n\r\n",
  "NATS/1.0 503 No Responders\r\n\r\n",
  "NATS/1.0 100 Idle Heartbeat\r\nA:b\r\n\r\n",
  "NATS/1.0 \r\n\r\n",
  "NATS/1.0 x\r\n\r\n",
  "NATS/1.0 99999\r\n\r\n",
  `NATS/1.0\r\nA:${utf8("grüße ✓ 📬")}\r\n\r\n`,
  "NATS/1.0\r\nA:\tb\r\n\r\n",
  "NATS/1.0\r\nA:\x01\x1f\x7f\r\n\r\n",
  'NATS/1.0\r\nA:"quoted"\r\n\r\n',
  "NATS/1.0\r\nA:'x'\r\n\r\n",
  `NATS/1.0\r\nA:${"x".repeat(5_000)}\r\n\r\n`,
  `NATS/1.0\r\n${"x".repeat(300)}:y\r\n\r\n`,
  `NATS/1.0\r\n${"A:b\r\n".repeat(200)}\r\n`,
  `NATS/1.0\r\nA:${"x".repeat(65_600)}\r\n\r\n`,
  "NATS/1.0\r\nNats-Msg-Id:1\r\nNats-Expected-Stream:x\r\nNats-Rollup:all\r\n\r\n",
  "NATS/1.0\r\nmq9-priority:urgent\r\n\r\n",
  "NATS/1.0\r\nNats-TTL:1s\r\nNats-Service-Error:x\r\n\r\n",
  "NATS/1.0\r\nPUB:foo 2\r\n\r\n",
  "NATS/1.0\r\n[]{}():x\r\n\r\n",
]; // prettier-ignore

/** None of these is a block; the real server does not look. */
const badBlocks: readonly string[] = [
  "JUNK",
  "NATS/1.0",
  "NATS/1.0\r\n",
  "NATS/1.0\n\n",
  "NATS/1.0\r\r\n\n",
  "NATS/1.1\r\n\r\n",
  "NATS/2.0\r\n\r\n",
  "nats/1.0\r\n\r\n",
  " NATS/1.0\r\n\r\n",
  "HTTP/1.1 200 OK\r\n\r\n",
  "NATS/1.0\r\nA\r\n\r\n",
  "NATS/1.0\r\n:b\r\n\r\n",
  "NATS/1.0\r\nA b:c\r\n\r\n",
  "NATS/1.0\r\n A:b\r\n\r\n",
  "NATS/1.0\r\nA :b\r\n\r\n",
  "NATS/1.0\r\nA:b\r\n c\r\n\r\n",
  "NATS/1.0\r\nA:b\n\r\n",
  "NATS/1.0\r\nA:b\r\r\n\r\n",
  "NATS/1.0\r\nA:b\0c\r\n\r\n",
  "NATS/1.0\r\nA:\xff\r\n\r\n",
  "NATS/1.0\r\n\xc3\xa9:b\r\n\r\n",
  "NATS/1.0\r\nA:b\r\n",
  "NATS/1.0\r\nA:b\r\n\r\nB:c\r\n\r\n",
  "NATS/1.0X\r\n\r\n",
  "NATS/1.0\r\n\r\n\r\n",
  "\r\n\r\n",
  "\0\0\0\0",
]; // prettier-ignore

function readers(headers: string): Script["acts"] {
  return [
    { client: "r", send: `${connectLine()}SUB foo 1\r\n` },
    { client: "p", send: `${connectLine({ headers: false, no_responders: false })}SUB foo 2\r\n` },
    {
      client: "a",
      send: `${connectLine()}${hpub("foo", headers, "hi")}${hpub("foo", headers, "", "re.ply")}`,
    },
  ];
}

export const headerScripts: readonly Script[] = [
  ...sizes.map((pair) =>
    afterHello(`header sizes: ${pair}`, `SUB foo 1\r\nHPUB foo ${pair}\r\n${block}hi\r\n`),
  ),
  ...sizes
    .slice(0, 18)
    .map((pair) =>
      afterHello(
        `header sizes with reply: ${pair}`,
        `SUB foo 1\r\nHPUB foo r ${pair}\r\n${block}hi\r\n`,
      ),
    ),
  ...["0 0", "0 2", "0 5"].map((pair) => {
    const payload = "x".repeat(Number(pair.slice(2)));
    return afterHello(
      `no header bytes: ${pair}`,
      `SUB foo 1\r\nHPUB foo ${pair}\r\n${payload}\r\n${pub("foo", "y")}`,
    );
  }),
  ...goodBlocks.map(
    (headers): Script => ({ name: `headers: ${shown(headers)}`, acts: readers(headers) }),
  ),
  ...badBlocks.map(
    (headers): Script => ({
      name: `headers that are none: ${shown(headers)}`,
      acts: readers(headers),
    }),
  ),
  ...[
    { headers: false },
    { headers: false, no_responders: false },
    { headers: true, no_responders: false },
  ].map(
    (options): Script => ({
      name: `HPUB where CONNECT said ${JSON.stringify(options)}`,
      acts: [
        { client: "a", send: `${connectLine(options)}SUB foo 1\r\n${hpub("foo", block, "hi")}` },
      ],
    }),
  ),
  {
    name: "HPUB before CONNECT",
    acts: [{ client: "a", send: `SUB foo 1\r\n${hpub("foo", block, "hi")}` }],
  },
  ...["foo..bar", "foo.*", ">", "_R_.x", "$SYS.x", "_GR_.x"].map((subject) =>
    afterHello(`HPUB to ${subject}`, `SUB > 1\r\n${hpub(subject, block, "hi")}`),
  ),
  ...[1_048_576, 1_048_577].map((total) => {
    const payload = "x".repeat(total - block.length);
    return afterHello(
      `HPUB of ${total} bytes in all`,
      `SUB foo 1\r\n${hpub("foo", block, payload)}`,
    );
  }),
];
