// Picks the client library by the second argument, so that every program here runs through both:
// `nats` (2.x, with the JSONCodec the guide prints) and `@nats-io/transport-node` (3.x, which no
// longer has one; there `JSONCodec` is the two lines its migration notes recommend).
const library = process.argv[3] ?? "nats";
const { connect: connectLibrary, JSONCodec: codecOfVersion2 } = await import(library);

const jsonCodec = () => ({
  encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
});

export const connect = connectLibrary;
export const JSONCodec = codecOfVersion2 ?? jsonCodec;

/** Where the broker under test listens. */
export const servers = process.argv[2];

/** CREATE as the guide prints it; the reply holds `mail_id` and `token`. */
export async function createMailbox(nc, body = { type: "standard", ttl: 3600 }) {
  const jc = JSONCodec();
  const resp = await nc.request("$mq9.AI.MAILBOX.CREATE", jc.encode(body));
  return jc.decode(resp.data);
}
