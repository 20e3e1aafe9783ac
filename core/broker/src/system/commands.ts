// What an operator can do to a running server: `$SYS.REQ.SERVER.<id>.KICK|LDM|RELOAD|MQ9.QUARANTINE`.
// Only the system account gets here. Everything done is audited.
import type { Client, Connection, Router } from "@mq9/router";
import { type Audit, type AuditActor, actorOf } from "../audit.ts";
import type { Parameters } from "../monitor/parameters.ts";
import { type Principal, QuarantineError } from "../quarantines.ts";
import { SystemError } from "./envelope.ts";

/** What commands need of the broker. */
export interface Desk {
  readonly router: Pick<Router, "connections">;
  readonly audit: Pick<Audit, "tell" | "failing"> | undefined;
  /** Reads the configuration again; undefined = there is none to read. @throws what is wrong with it */
  readonly reload: ((by: AuditActor) => Promise<void>) | undefined;
  /** Everybody who is stopped. */
  quarantined(): readonly Principal[];
  /** @returns its connections @throws {QuarantineError} */
  quarantine(principal: Principal, on: boolean, by: AuditActor): Promise<number>;
}

/** Carries out one command. @returns what the answer tells of it; undefined = that it was done */
export type Command = (
  desk: Desk,
  parameters: Parameters,
  by: Client,
) => object | undefined | Promise<object | undefined>;

export const commands: Readonly<Record<string, Command>> = {
  KICK: (desk, parameters, by) => {
    assertAudited(desk);
    const connection = connectionNamed(desk, parameters, "no such client or leafnode id");
    const kicked = actorOf(connection);
    desk.audit?.tell({ kind: "connection.kicked", by: actorOf(by), kicked });
    connection.close("Kicked");
    return undefined;
  },
  LDM: (desk, parameters) => {
    assertAudited(desk);
    connectionNamed(desk, parameters, "no such client id").announceLameDuck();
    return undefined;
  },
  RELOAD: async (desk, _parameters, by) => {
    assertAudited(desk);
    if (desk.reload === undefined) {
      throw new SystemError(500, "this server has no configuration that could be read again");
    }
    try {
      await desk.reload(actorOf(by));
    } catch (error) {
      throw new SystemError(500, error instanceof Error ? error.message : String(error));
    }
    return undefined;
  },
  "MQ9.QUARANTINES": (desk) => ({ quarantined: desk.quarantined() }),
  "MQ9.QUARANTINE": async (desk, parameters, by) => {
    const account = parameters.text("account");
    const on = parameters.flag("on");
    if (account === undefined || on === undefined) {
      throw new SystemError(400, "account and on are needed, for instance with user");
    }
    if (!on) assertAudited(desk); // whoever fills the disk can still be stopped
    const user = parameters.text("user") ?? "";
    const actor = actorOf(by);
    if (on && actor.account === account && actor.user === user) {
      throw new SystemError(400, "whoever asks can not be quarantined: nobody could lift it");
    }
    try {
      const connections = await desk.quarantine({ account, user }, on, actor);
      return { account, user, on, connections };
    } catch (error) {
      if (!(error instanceof QuarantineError)) throw error;
      throw new SystemError(error.code === "unknown_name" ? 404 : 500, error.message);
    }
  },
};

/** What nobody could be asked about later is not done. */
function assertAudited({ audit }: Desk): void {
  if (audit?.failing === true) throw new SystemError(503, "the audit can not be written");
}

function connectionNamed(desk: Desk, parameters: Parameters, otherwise: string): Connection {
  const cid = parameters.whole("cid");
  for (const connection of desk.router.connections) if (connection.id === cid) return connection;
  throw new SystemError(500, otherwise);
}
