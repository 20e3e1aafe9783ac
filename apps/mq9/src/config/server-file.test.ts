import { describe, expect, it } from "vitest";
import { accessOf, authOf } from "./access.ts";
import { parseConfig } from "./file.ts";
import { brokerOptionsOf, combineLayers, type Layer } from "./layers.ts";

const key = "UCD44LZQMVTP7XI4LUA47F7H3ALE272FKZET6ZTEAIE3AGJ6YVYJYOHR";

const nats = (text: string, variables = {}) => parseConfig(text, "server.conf", variables);
const yaml = (text: string) => parseConfig(text, "server.yaml");
const auth = (layer: Layer) => authOf(combineLayers([layer]));

function problem(text: string, file = "server.conf"): string {
  try {
    combineLayers([parseConfig(text, file)]);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the file was accepted");
}

describe("a file of a nats-server", () => {
  it("sets what its keys are called here", () => {
    const { values } = nats(`
      listen: "127.0.0.1:4333", server_name: here, http: "127.0.0.1:8333", http_base_path: /n
      debug: true, trace: on, logtime: false, log_file: a.log, pid_file: a.pid, ports_file_dir: "."
      max_payload: 2mb; max_control_line: 2k; max_conn: 10; max_subs: 20; max_pending: 8MiB
      ping_interval: "1m30s", ping_max: 4, write_deadline: 3
      lame_duck_duration: "60s", lame_duck_grace_period: "5s", max_traced_msg_len: 16`);
    expect(values).toEqual({
      host: "127.0.0.1",
      port: 4333,
      name: "here",
      httpHost: "127.0.0.1",
      httpPort: 8333,
      httpBasePath: "/n",
      logLevel: "debug",
      trace: true,
      logTime: false,
      logFile: "a.log",
      pidFile: "a.pid",
      portsFileDir: ".",
      maxPayload: 2_097_152,
      maxControlLine: 2_000,
      maxConnections: 10,
      maxSubscriptions: 20,
      maxPending: 8_388_608,
      pingInterval: 90_000,
      pingMax: 4,
      writeDeadline: 3_000,
      lameDuckDuration: 60_000,
      lameDuckGracePeriod: 5_000,
      maxTracedMsgLen: 16,
    });
  });

  it("may say that there is no limit", () => {
    expect(nats("max_connections: -1, max_subs: -1").values).toEqual({
      maxConnections: 1_000_000,
      maxSubscriptions: 0,
    });
    expect(nats("max_connections: 0").values).toEqual({});
    expect(nats("http_port: 0").values).toEqual({ httpPort: "off" });
  });

  it("holds our settings in a block of their own, and says so", () => {
    expect(nats("mq9 { ttl: 2h, max_agents: 5 }").values).toEqual({ ttl: 7_200, maxAgents: 5 });
    expect(problem("ttl: 2h")).toContain(
      "1:1: ttl: there is no such setting; it stands in a block",
    );
    expect(problem("mq9 { tl: 1 }")).toContain("1:7: tl: there is no such setting; did you mean");
  });

  it("takes an unknown key for a variable when something refers to it", () => {
    expect(nats("p: 4333\nport: $p").values).toEqual({ port: 4333 });
    expect(problem("p: 4333\nport: 4222")).toContain("1:1: p: there is no such setting");
  });

  it("is told, with the line, what has no effect", () => {
    const { remarks } = nats("port: 1\njetstream {}\ncluster { port: 2 }\nmappings { a: b }");
    expect(remarks).toEqual([
      "server.conf:2: jetstream is ignored: mailboxes are always stored",
      "server.conf:3: cluster is ignored: mq9 runs alone",
      "server.conf:4: mappings is ignored: subjects are not mapped",
    ]);
  });
});

describe("users of a file", () => {
  const text = `
    authorization {
      timeout: 0.5
      default_permissions { publish: "public.>" }
      users = [
        { user: ann, password: $PW, permissions {
            pub { allow: ["a.>", "b"], deny: a.secret }
            sub: "jobs workers"
            allow_responses { max: 5, expires: "1m" } } }
        { nkey: ${key}, allowed_connection_types: [websocket] }
        { user: planner, pass: "x", profile: agent, mailboxes { send: ["tasks.>"], receive: planner }
          limits { max_msgs_per_second: 50, max_deliveries_per_second: 500 } }
      ]
    }
    accounts {
      SHOP { send_to: granted, limits { max_conn: 7 }, default_permissions { subscribe: s }
             users: [ {user: till, pass: t}, {user: boss, pass: b, permissions: {publish: ">"}} ] }
      SYS { users: [ {user: admin, pass: c} ] }
    }
    system_account: SYS
    mq9 { shared_inboxes: true }
    no_auth_user: till`;

  it("become the description that an authenticator is made of", () => {
    const config = auth(nats(text, { PW: "geheim" }));
    expect(config).toMatchObject({
      systemAccount: "SYS",
      noAuthUser: "till",
      sharedInboxes: true,
      defaultPermissions: { publish: { allow: ["public.>"] } },
      users: [
        {
          user: "ann",
          password: "geheim",
          permissions: {
            publish: { allow: ["a.>", "b"], deny: ["a.secret"] },
            subscribe: { allow: ["jobs workers"] },
            allowResponses: { messagesMax: 5, ttlMs: 60_000 },
          },
        },
        { nkey: key, connectionTypes: ["WEBSOCKET"] },
        {
          user: "planner",
          permissions: {
            publish: { allow: ["$mq9.AI.>", "$SYS.REQ.USER.INFO"] },
            subscribe: { allow: ["$mq9.AI.>", "_INBOX_planner.>"] },
            allowResponses: true,
          },
          mailboxes: { send: ["tasks.>"], receive: ["planner"] },
          limits: { messagesPerSecond: 50, deliveriesPerSecond: 500 },
        },
      ],
      accounts: [
        {
          name: "SHOP",
          sendTo: "granted",
          maxConnections: 7,
          users: [
            { user: "till", permissions: { subscribe: { allow: ["s"] } } },
            { user: "boss", permissions: { publish: { allow: [">"] } } },
          ],
        },
        { name: "SYS" },
      ],
    });
    const layer = nats(text, { PW: "geheim" });
    expect(brokerOptionsOf(combineLayers([layer])).limits.authTimeoutMs).toBe(500);
  });

  it("may stand in YAML in the same words", () => {
    const written = yaml(
      "ttl: 1h\nauthorization:\n  users:\n    - { user: ann, password: geheim }\nno_auth_user: ann\n",
    );
    expect(written.values).toEqual({ ttl: 3_600 });
    expect(auth(written)).toEqual(
      auth(nats("authorization { users: [{user: ann, pass: geheim}] }\nno_auth_user: ann")),
    );
  });

  it("give way to a user or token of the command line", () => {
    const flags: Layer = { values: { user: "me", pass: "x" }, sources: {} };
    const resolved = combineLayers([flags, nats("authorization { token: t }")]);
    expect(authOf(resolved)).toMatchObject({ users: [{ user: "me", password: "x" }] });
    expect(authOf(resolved)?.token).toBeUndefined();
    const half: Layer = { values: { user: "me" }, sources: {} };
    expect(() => authOf(combineLayers([half]))).toThrow("belong together");
  });

  it.each([
    ["authorization { user: a, pass: b, token: c }", "either a user or a token"],
    ["authorization { users: [{user: a}], token: c }", "either a list of users"],
    ["authorization { users: [{pass: a}] }", "1:25: a user needs a name"],
    [`authorization { users: [{nkey: S${key}}] }`, "nkey"],
    [
      "authorization { users: [{nkey: SUAJXV3B754FO5EKD6VOEJ44JJLHQV2EDWUHIY5QDZOFEGYGGWC2B4AUBY}] }",
      "has to stay secret",
    ],
    [
      "authorization { users: [{user: a, pass: b, permissions: {publish: a..b}}] }",
      "is no subject",
    ],
    ["authorization { users: [{user: a, pass: b, pasword: c}] }", "did you mean password?"],
    ["authorization { users: [{user: a.b, pass: b, profile: agent}] }", "stands in subjects"],
    ["authorization { auth_callout { } }", "mq9 has no such way"],
    [
      "authorization { users: [{user: a, pass: b, limits { max_msgs_per_second: fast }}] }",
      "must be a whole number",
    ],
    [
      "authorization { users: [{user: a, pass: b, limits { max_msg_per_second: 1 }}] }",
      "did you mean max_msgs_per_second?",
    ],
    ["accounts { A { exports: [ { stream: a } ] } }", "1:16: exports: accounts share nothing here"],
    ["accounts { A { imports: [ ] } }", "1:16: imports: accounts share nothing here"],
    ["authorization { users: [{user: a, pass: 1234}] }", "put it in quotes"],
    ["accounts { A { send_to: all } }", "anyone or granted"],
    ['accounts { "$G" { } }', "$G is the account of users without one"],
    ["authorization { user: a, pass: b }\nno_auth_user: c", "2:1: no_auth_user: there is no user"],
    ["resolver: URL(http://a)", "must be MEMORY"],
    ["https_port: 1", "plain HTTP"],
  ])("are refused in %j", (text_, expected) => {
    expect(problem(text_)).toContain(expected);
  });

  it("never show a secret in what is said about a mistake", () => {
    const bad =
      "authorization { users: [{user: a, pass: geheim, bogus: 1}, {pass: geheim}], token: geheim }";
    expect(problem(bad)).not.toContain("geheim");
  });
});

describe("listeners of a file", () => {
  it("have certificates that are read when the options are made", () => {
    const layer = nats("tls { cert_file: /no/such.pem, key_file: k, timeout: 3 }");
    expect(layer.blocks?.tls).toMatchObject({ certFile: "/no/such.pem", timeoutMs: 3_000 });
    expect(() => accessOf(combineLayers([layer]))).toThrow(
      "the certificate /no/such.pem can not be read",
    );
  });

  it("serve WebSockets in clear only when that is said", () => {
    expect(problem("websocket { port: 80 }")).toContain("no_tls: true");
    const layer = nats(
      "websocket { listen: 127.0.0.1:-1, no_tls: true, same_origin: true, allowed_origins: http://a.b }",
    );
    expect(accessOf(combineLayers([layer])).websocket).toMatchObject({
      host: "127.0.0.1",
      port: 0,
      tls: undefined,
      sameOrigin: true,
      allowedOrigins: ["http://a.b"],
    });
    expect(nats("websocket { no_tls: true }").blocks?.webSocket).toBeUndefined();
  });

  it("are told by flags in place of the block", () => {
    const flags: Layer = { values: { tlsCert: "c" }, sources: {} };
    expect(() => accessOf(combineLayers([flags]))).toThrow("tls_cert and tls_key belong together");
    const alone: Layer = { values: { tlsVerify: true }, sources: {} };
    expect(() => accessOf(combineLayers([alone]))).toThrow("needs tls_cert and tls_key");
  });
});
