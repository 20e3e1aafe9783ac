// Every kind of client the acceptance tests run: the six published ones by their behaviour, and two of
// them once more over the NATS library of their own language.
import { buildGo, go, python } from "../../support/programs.ts";
import { childClient, missing } from "./child-client.ts";
import type { PublishedClient } from "./published.ts";
import { shapedClient } from "./shaped-client.ts";
import { shapes } from "./shapes.ts";

export interface ClientKind {
  readonly name: string;
  /** Why it can not run here; "" when it can. */
  readonly reason: string;
  /** Its consume loop acknowledges unless told otherwise. */
  readonly acksByDefault: boolean;
  readonly connect: (url: string) => Promise<PublishedClient>;
}

const shaped: readonly ClientKind[] = shapes.map((shape) => ({
  name: `shaped as the ${shape.language} client`,
  reason: "",
  acksByDefault: shape.consume.autoAck,
  connect: (url) => shapedClient(url, shape),
}));

const programs: readonly ClientKind[] = [
  {
    name: "Python over nats-py",
    reason: missing("python"),
    acksByDefault: true,
    connect: (url) => childClient(url, python("acceptance/python/client.py")),
  },
  {
    name: "Go over nats.go",
    reason: missing("go"),
    acksByDefault: false,
    connect: (url) => childClient(url, go("published-client")),
  },
];

export const clientKinds: readonly ClientKind[] = [...shaped, ...programs];

/** Compiles the Go program; call before the first `connect`. */
export async function buildClients(): Promise<void> {
  if (missing("go") === "") await buildGo("acceptance/go");
}
