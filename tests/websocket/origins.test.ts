// Whose pages may connect where no rule about origins is given: that depends on whether users have to say
// who they are, which can change while the broker runs.
import { expect, test } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";
import { plain } from "../tls/raw-tls.ts";
import { request } from "./raw-websocket.ts";

const users = { users: [{ user: "ann", password: "secret" }] };

async function statusFor(port: number, origin: string): Promise<string> {
  await using wire = await plain(port);
  wire.send(request({ Origin: origin }));
  return (await wire.through("\r\n")).slice("HTTP/1.1 ".length).slice(0, 3);
}

test("pages of this machine alone may, for as long as nobody has to say who he is", async () => {
  await using running = await brokerInProcess({ websocket: { port: 0 } });
  const port = running.address.websocket?.port ?? 0;
  const both = () =>
    Promise.all(["http://localhost:3000", "https://example.org"].map((o) => statusFor(port, o)));
  expect(await both()).toEqual(["101", "403"]);
  running.broker.reload({ auth: users });
  expect(await both()).toEqual(["101", "101"]);
  running.broker.reload({ auth: {} });
  expect(await both()).toEqual(["101", "403"]);
});

test("what is chosen holds whoever may come in", async () => {
  await using running = await brokerInProcess({
    websocket: { port: 0, localOrigins: true },
    auth: users,
  });
  const port = running.address.websocket?.port ?? 0;
  expect(await statusFor(port, "https://example.org")).toBe("403");
});
