// The server as a participant of its own: answers `$SYS.REQ.…` in the system account, and in every
// account the few questions that are about the asker. Serves subjects of the router; owns no socket.
import type { Client, ServedRequest } from "@mq9/router";
import { Connection, everyAccount, type RouterServices } from "@mq9/router";
import { fromWireSubject, isLiteralSubject, isValidSubject } from "@mq9/wire";
import { answerTo } from "../answer-to.ts";
import { MonitorError, type Parameters } from "../monitor/parameters.ts";
import type { MonitorView } from "../monitor/view.ts";
import { commands, type Desk } from "./commands.ts";
import { type Envelope, jsonBytes, SystemError } from "./envelope.ts";
import { parseBody } from "./filter.ts";
import {
  accountFigures,
  accountQueries,
  figures,
  ownConnections,
  serverQueries,
  statsz,
} from "./queries.ts";
import { userInfo } from "./user-info.ts";

/** What the service needs. */
export interface SystemDeps extends Desk {
  readonly services: RouterServices;
  readonly view: MonitorView;
  readonly envelope: Envelope;
  /** Hears of a question that a defect of ours kept from being answered. */
  readonly failed: (error: unknown) => void;
}

/** Makes the answer; undefined = none. */
type Answer = (
  request: ServedRequest,
  parameters: Parameters,
) => object | undefined | Promise<object | undefined>;

/** Whether a request is answered here: some subjects mean another thing in the system account. */
type Takes = (request: ServedRequest) => boolean;

const always: Takes = () => true;

/** Questions of one connection that are being answered at one time. */
const openMax = 16;

/** Which account `$SYS.REQ.ACCOUNT.<account>.…` names. */
function accountTokenOf(subject: string): string {
  return subject.split(".")[3] as string;
}

export class SystemService {
  readonly #deps: SystemDeps;
  readonly #open = new WeakMap<object, number>();
  /** Ends what is served in the system account. */
  #ends: (() => void)[] = [];

  constructor(deps: SystemDeps) {
    this.#deps = deps;
    this.#serveEverybody();
  }

  /** Names the account whose users are operators; undefined = there is none. May be repeated. */
  operate(account: string | undefined): void {
    for (const end of this.#ends) end();
    this.#ends = account === undefined ? [] : this.#serveOperators(account);
  }

  /** What every account may ask: about itself. */
  #serveEverybody(): void {
    const { view } = this.#deps;
    const serve = (subject: string, answer: Answer, isOurs: Takes = always): void => {
      this.#serve(everyAccount, `$SYS.REQ.${subject}`, answer, isOurs);
    };
    const connections: Answer = async ({ account }, parameters) =>
      this.#data(await ownConnections(view, parameters, account));
    serve("USER.INFO", ({ client }) =>
      client instanceof Connection ? this.#data(userInfo(client)) : undefined,
    );
    serve("ACCOUNT.PING.CONNZ", connections);
    serve("ACCOUNT.PING.STATZ", ({ account }, parameters) =>
      this.#data(
        account === view.systemAccount ? figures(view, parameters) : accountFigures(view, account),
      ),
    );
    // Operators ask that about the whole server.
    serve("SERVER.PING.CONNZ", connections, ({ account }) => account !== view.systemAccount);
  }

  #serveOperators(account: string): (() => void)[] {
    const { view } = this.#deps;
    const ends: (() => void)[] = [];
    const serve = (subject: string, answer: Answer, isOurs: Takes = always): void => {
      ends.push(this.#serve(account, `$SYS.REQ.${subject}`, answer, isOurs));
    };
    const stats: Answer = () => ({ server: this.#deps.envelope.server(), statsz: statsz(view) });
    serve("SERVER.PING", stats);
    for (const to of ["PING", view.router.serverId]) {
      serve(`SERVER.${to}.STATSZ`, stats);
      serve(`SERVER.${to}.IDZ`, () => {
        const { serverName: name, host, serverId: id } = view.router.server;
        return { name, host, id };
      });
      for (const [name, query] of Object.entries(serverQueries)) {
        serve(`SERVER.${to}.${name}`, async (_request, parameters) =>
          this.#data(await query(view, parameters)),
        );
      }
    }
    for (const [name, command] of Object.entries(commands)) {
      serve(`SERVER.${view.router.serverId}.${name}`, async ({ client }, parameters) =>
        this.#data(await command(this.#deps, parameters, client)),
      );
    }
    for (const [name, query] of Object.entries(accountQueries)) {
      const answer: Answer = async ({ subject }, parameters) =>
        this.#data(await query(view, parameters, fromWireSubject(accountTokenOf(subject))));
      // Everybody asks these of all servers, operators too.
      const isAskedOfAll = name === "CONNZ" || name === "STATZ";
      serve(`ACCOUNT.*.${name}`, answer, ({ subject }) =>
        isAskedOfAll ? accountTokenOf(subject) !== "PING" : true,
      );
    }
    return ends;
  }

  #data(data: object | undefined): object {
    const server = this.#deps.envelope.server();
    return data === undefined ? { server } : { server, data };
  }

  #serve(account: string, subject: string, answer: Answer, isOurs: Takes): () => void {
    return this.#deps.services.serve(account, subject, (request) => {
      if (isOurs(request)) void this.#handle(request, answer);
    });
  }

  /** Never rejects: what goes wrong is an answer too. */
  async #handle(request: ServedRequest, answer: Answer): Promise<void> {
    const { client } = request;
    const asker = client.identity;
    const open = this.#open.get(client) ?? 0;
    this.#open.set(client, open + 1);
    try {
      if (open >= openMax) throw new SystemError(429, "too many questions at one time");
      const body = parseBody(request.payload, this.#deps.view.router.server);
      if (!body.isForUs) return;
      const told = await answer(request, body.parameters);
      if (told !== undefined) this.#reply(request, asker, jsonBytes(told));
    } catch (error) {
      this.#reply(request, asker, this.#deps.envelope.failure(this.#known(error)));
    } finally {
      this.#open.set(client, (this.#open.get(client) ?? 1) - 1);
    }
  }

  #known(error: unknown): SystemError {
    if (error instanceof SystemError) return error;
    if (error instanceof MonitorError) return new SystemError(400, error.message);
    this.#deps.failed(error);
    return new SystemError(500, "the server failed to answer this request");
  }

  /** Answers go to inboxes: nobody makes the server speak on a subject that means something. */
  #reply({ client, account, reply }: ServedRequest, asker: Client["identity"], body: Buffer): void {
    if (reply === "" || !isValidSubject(reply) || !isLiteralSubject(reply)) return;
    if (client.account !== account || client.identity?.user !== asker?.user) return; // somebody else by now
    answerTo(this.#deps.services, client, reply, body);
  }
}
