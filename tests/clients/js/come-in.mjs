// Comes in with given credentials with a plain JavaScript client and tells what it could do. Arguments:
// address, library, then user, pass, token, seed, creds, ca, cert, key and closed as far as wanted.
import { readFileSync } from "node:fs";

const [, , servers, library, ...rest] = process.argv;
const { connect, credsAuthenticator, headers, nkeyAuthenticator } = await import(library);
const given = Object.fromEntries(rest.map((argument) => argument.split(/=(.*)/s, 2)));
const { user, pass, token, seed, creds, ca, cert, key, closed } = given;
const bytes = (file) => new Uint8Array(readFileSync(file));

const options = {
  servers,
  maxReconnectAttempts: 0,
  ...(user && { user, pass }),
  ...(token && { token }),
  ...(seed && { authenticator: nkeyAuthenticator(bytes(seed)) }),
  ...(creds && { authenticator: credsAuthenticator(bytes(creds)) }),
  ...(ca && { tls: { caFile: ca, certFile: cert, keyFile: key } }),
};

async function comeIn() {
  const nc = await connect(options);
  nc.subscribe("open.echo", {
    callback: (_, msg) => msg.respond(msg.data, { headers: msg.headers }),
  });
  const sent = headers();
  sent.set("trace", "abc");
  const body = "0123456789".repeat(30_000);
  const answer = await nc.request("open.echo", body, { headers: sent, timeout: 5_000 });
  const results = { echo: answer.string() === body, header: answer.headers.get("trace") };
  if (closed) {
    const error = await new Promise((resolve) => {
      nc.subscribe(closed, { callback: resolve });
    });
    results.denied = error.message.includes(closed);
  }
  await nc.drain();
  return results;
}

let results;
try {
  results = await comeIn();
} catch (error) {
  const text = `${error.code} ${error.name} ${error.message} ${error.cause?.message}`;
  results = /authorization/i.test(text) ? "refused" : text;
}
console.log(JSON.stringify(results));
