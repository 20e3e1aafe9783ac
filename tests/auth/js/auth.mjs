// Comes in with each kind of credentials with a plain JavaScript client, and tells what happened.
// Arguments: URL, library, credentials as JSON.
const [, , servers, library, given] = process.argv;
const client = await import(library);
const secrets = JSON.parse(given);
const bytes = (text) => new TextEncoder().encode(text);

async function outcome(options, act = async (nc) => await nc.flush()) {
  let nc;
  try {
    nc = await client.connect({ servers, maxReconnectAttempts: 0, ...options });
    return (await act(nc)) ?? "in";
  } catch (error) {
    return /authorization/i.test(`${error.code} ${error.name} ${error.message}`)
      ? "refused"
      : String(error);
  } finally {
    await nc?.close();
  }
}

/** What the client says of a subscription that is not allowed, and of one that is. */
async function permissions(nc) {
  const told = await new Promise((resolve) => {
    nc.subscribe("closed.a", { callback: (error) => resolve(error) });
  });
  const service = nc.subscribe("open.a", { callback: (_error, msg) => msg.respond("yes") });
  await nc.flush();
  const answer = await nc.request("open.a", "?");
  service.unsubscribe();
  return [/permissions violation/i.test(`${told?.code} ${told?.message}`), answer.data.length];
}

const results = {
  password: await outcome({ user: "alice", pass: "secret" }),
  wrong: await outcome({ user: "alice", pass: "wrong" }),
  hash: await outcome({ user: "hashed", pass: "secret" }),
  nobody: await outcome({}),
  nkey: await outcome({ authenticator: client.nkeyAuthenticator(bytes(secrets.seed)) }),
  stranger: await outcome({ authenticator: client.nkeyAuthenticator(bytes(secrets.stranger)) }),
  permissions: await outcome({ user: "bound", pass: "secret" }, permissions),
};
console.log(JSON.stringify(results));
