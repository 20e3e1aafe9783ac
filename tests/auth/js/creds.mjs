// Comes in with a creds file, stays until its JWT expires, and tells how the client took it.
// Arguments: URL, library, creds.
const [, , servers, library, creds] = process.argv;
const client = await import(library);
const authenticator = client.credsAuthenticator(new TextEncoder().encode(creds));
const nc = await client.connect({ servers, authenticator, maxReconnectAttempts: 1 });
await nc.flush();
const error = await nc.closed();
console.log(
  JSON.stringify({
    in: true,
    why: /expired|authorization/i.test(`${error?.code} ${error?.name} ${error?.message}`),
  }),
);
