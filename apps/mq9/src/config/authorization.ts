// Users, accounts and permissions of a configuration file, as the plain description that an
// authenticator is made of. Checks shapes and what contradicts itself; never compares a password.
import {
  type AccountConfig,
  type AuthConfig,
  AuthConfigError,
  type ConnectionType,
  checkAuthConfig,
  type MailboxRules,
  type UserConfig,
} from "@mq9/auth";
import type { PermissionRules, RateLimits, ResponseGrant, SubjectRules } from "@mq9/router";
import { type ConfigNode, isMap, type Place } from "../nats-config/tree.ts";
import { agentPermissions } from "./agent-profile.ts";
import {
  Block,
  type Findings,
  fail,
  readBlock,
  readDuration,
  readList,
  readText,
  readTexts,
  readWhole,
} from "./blocks.ts";

/** What a block `authorization` says. */
export interface Authorization {
  readonly token: string | undefined;
  readonly users: readonly UserConfig[];
  readonly defaultPermissions: PermissionRules | undefined;
  /** Time for CONNECT; undefined = the default. */
  readonly timeoutMs: number | undefined;
}

/** Reads `authorization { … }`. */
export function readAuthorization(node: ConfigNode, findings: Findings): Authorization {
  const block = new Block(readBlock(node, "authorization"), findings);
  const user = block.read(["user", "username"], readText);
  const password = block.read(["pass", "password"], readText);
  const token = block.read("token", readText);
  const listed = block.node("users");
  const defaultPermissions = block.read(["default_permissions", "default_permission"], (rules) =>
    readPermissions(rules, findings),
  );
  const own = block.read(["permissions", "permission"], (rules) =>
    readPermissions(rules, findings),
  );
  const timeoutMs = block.read("timeout", readDuration);
  block.refuse(["auth_callout", "proxy_required"], "mq9 has no such way to let users in");
  block.finish();
  if (user === undefined && password !== undefined)
    fail(node, "authorization: a password belongs to a user");
  if (user !== undefined && token !== undefined)
    fail(node, "authorization: either a user or a token");
  if (listed !== undefined && (user !== undefined || token !== undefined)) {
    fail(node, "authorization: either a list of users, or one user, or a token");
  }
  if (user !== undefined) note({ user, password }, node, findings);
  const single: UserConfig[] = user === undefined ? [] : [{ user, password, permissions: own }];
  const users = listed === undefined ? single : readUsers(listed, findings);
  return {
    token,
    users,
    defaultPermissions: defaultPermissions ?? (listed === undefined ? undefined : own),
    timeoutMs,
  };
}

/** Reads `[ {user: …}, … ]`. Entries that can not be used are reported and left out. */
export function readUsers(node: ConfigNode, findings: Findings): UserConfig[] {
  return readList(node, "users").flatMap((item) => {
    const user = findings.try(() => readUser(item, findings));
    return user === undefined ? [] : [user];
  });
}

function readUser(node: ConfigNode, findings: Findings): UserConfig {
  const block = new Block(readBlock(node, "users"), findings);
  const user = block.read(["user", "username"], readText);
  const password = block.read(["pass", "password"], readText);
  const nkey = block.read("nkey", readNkey);
  const permissions = block.read(["permissions", "permission", "authorization"], (rules) =>
    readPermissions(rules, findings),
  );
  const connectionTypes = block.read(
    ["allowed_connection_types", "connection_types", "clients"],
    readConnectionTypes,
  );
  const mailboxes = block.read("mailboxes", (rules) => readMailboxes(rules, findings));
  const profile = block.read("profile", readProfile);
  const limits = block.read("limits", (rates) => readRates(rates, findings));
  block.refuse(["proxy_required"], "mq9 knows no trusted proxies");
  block.finish();
  if (nkey === undefined && (user === undefined || user === ""))
    fail(node, "a user needs a name (user) or a public key (nkey)");
  if (nkey !== undefined && (user !== undefined || password !== undefined)) {
    fail(node, "a user has either an nkey or a name with a password");
  }
  if (profile !== undefined && permissions !== undefined) {
    fail(node, "a user has either a profile or permissions of its own");
  }
  const name = user ?? nkey ?? "";
  note({ user, password, nkey }, node, findings);
  return {
    user,
    password,
    nkey,
    permissions: profile === undefined ? permissions : agentPermissions(name, node),
    mailboxes,
    connectionTypes,
    limits,
  };
}

function readRates(node: ConfigNode, findings: Findings): RateLimits {
  const block = new Block(readBlock(node, "limits"), findings);
  const messagesPerSecond = block.read("max_msgs_per_second", readWhole);
  const deliveriesPerSecond = block.read("max_deliveries_per_second", readWhole);
  block.finish();
  return { messagesPerSecond, deliveriesPerSecond };
}

function note(user: UserConfig, { place }: ConfigNode, findings: Findings): void {
  const hasProof = user.password !== undefined || user.nkey !== undefined;
  findings.users.push({ name: user.user ?? user.nkey ?? "", place, hasProof });
}

function readNkey(node: ConfigNode, name: string): string {
  const key = readText(node, name);
  if (/^SU[A-Z2-7]{56}$/.test(key))
    fail(node, "nkey: this is a seed, which has to stay secret; give the public key, U…");
  if (!/^U[A-Z2-7]{55}$/.test(key)) fail(node, "nkey: must be a public user key, U…");
  return key;
}

function readProfile(node: ConfigNode, name: string): "agent" {
  if (node.value !== "agent") fail(node, `${name}: must be agent`);
  return "agent";
}

const connectionTypes: readonly string[] = ["STANDARD", "WEBSOCKET", "MQTT", "HTTP"];
/** Kinds of connections that do not exist here: a user bound to them alone never gets in. */
const absentTypes: readonly string[] = ["LEAFNODE", "LEAFNODE_WS", "MQTT_WS", "IN_PROCESS"];

function readConnectionTypes(node: ConfigNode, name: string): ConnectionType[] {
  return readTexts(node, name)
    .map((type) => type.toUpperCase())
    .filter((type): type is ConnectionType => {
      if (connectionTypes.includes(type)) return true;
      if (absentTypes.includes(type)) return false;
      return fail(node, `${name}: ${type} is not one of ${connectionTypes.join(", ")}`);
    });
}

const subscribable = /^[^\s.]+(?:\.[^\s.]+)*(?:\s+[^\s.]+(?:\.[^\s.]+)*)?$/;
const publishable = /^[^\s.]+(?:\.[^\s.]+)*$/;

/** Reads `permissions { publish: …, subscribe: …, allow_responses: … }`. */
export function readPermissions(node: ConfigNode, findings: Findings): PermissionRules {
  const block = new Block(readBlock(node, "permissions"), findings);
  const publish = block.read(["publish", "pub", "import"], (rules, name) =>
    readSubjects(rules, name, publishable, findings),
  );
  const subscribe = block.read(["subscribe", "sub", "export"], (rules, name) =>
    readSubjects(rules, name, subscribable, findings),
  );
  const allowResponses = block.read(["allow_responses", "publish_allow_responses"], (rules) =>
    readResponses(rules, findings),
  );
  block.finish();
  return {
    ...(publish === undefined ? {} : { publish }),
    ...(subscribe === undefined ? {} : { subscribe }),
    ...(allowResponses === undefined ? {} : { allowResponses }),
  };
}

function readSubjects(
  node: ConfigNode,
  name: string,
  form: RegExp,
  findings: Findings,
): SubjectRules {
  if (!isMap(node.value)) return { allow: subjectsOf(node, name, form) };
  const block = new Block(node.value, findings);
  const allow = block.read("allow", (list) => subjectsOf(list, name, form));
  const deny = block.read("deny", (list) => subjectsOf(list, name, form));
  block.finish();
  return { ...(allow === undefined ? {} : { allow }), ...(deny === undefined ? {} : { deny }) };
}

function subjectsOf(node: ConfigNode, name: string, form: RegExp): string[] {
  const subjects = readTexts(node, name);
  for (const subject of subjects) {
    const tokens = (subject.split(/\s/)[0] ?? "").split(".");
    if (!form.test(subject) || tokens.slice(0, -1).includes(">")) {
      fail(node, `${name}: ${JSON.stringify(subject)} is no subject`);
    }
  }
  return subjects;
}

function readResponses(node: ConfigNode, findings: Findings): true | ResponseGrant | undefined {
  if (typeof node.value === "boolean") return node.value || undefined;
  const block = new Block(readBlock(node, "allow_responses"), findings);
  const max = block.read(["max", "max_msgs", "max_messages", "max_responses"], readWhole) ?? 0;
  const expires = block.read(["expires", "expiration", "ttl"], readAnyDuration) ?? 0;
  block.finish();
  // Zero stands for the default, below zero for "without end".
  return {
    messagesMax: max === 0 ? 1 : max < 0 ? Number.MAX_SAFE_INTEGER : max,
    ttlMs: expires === 0 ? 120_000 : Math.max(0, expires),
  };
}

function readAnyDuration(node: ConfigNode, name: string): number {
  const { value } = node;
  const isNegative =
    typeof value === "number" ? value < 0 : typeof value === "string" && value.startsWith("-");
  return isNegative ? -1 : readDuration(node, name);
}

function readMailboxes(node: ConfigNode, findings: Findings): MailboxRules {
  const block = new Block(readBlock(node, "mailboxes"), findings);
  const [send, receive, query, manage] = ["send", "receive", "query", "manage"].map((right) =>
    block.read(right, (list) => subjectsOf(list, right, publishable)),
  );
  block.finish();
  return { send, receive, query, manage };
}

/** Reads `accounts { A { users: [ … ] }, … }`, or a list of names. */
export function readAccounts(node: ConfigNode, findings: Findings): AccountConfig[] {
  if (!isMap(node.value))
    return readTexts(node, "accounts").map((name) => ({
      name: accountName(node, name),
      users: [],
    }));
  return [...node.value].flatMap(([name, content]) => {
    const account = findings.try(() => readAccount(accountName(content, name), content, findings));
    return account === undefined ? [] : [account];
  });
}

function accountName(node: ConfigNode, name: string): string {
  if (name === "$G")
    fail(node, "accounts: $G is the account of users without one; it is not listed here");
  return name;
}

function readAccount(name: string, node: ConfigNode, findings: Findings): AccountConfig {
  const block = new Block(readBlock(node, `account ${name}`), findings);
  const listed = block.read("users", (list) => readUsers(list, findings)) ?? [];
  const permissions = block.read("default_permissions", (rules) =>
    readPermissions(rules, findings),
  );
  const sendTo = block.read("send_to", readSendTo);
  const maxConnections = block.read("limits", (limits) => readAccountLimits(limits, findings));
  block.refuse(
    ["exports", "imports"],
    "accounts share nothing here; put users that have to talk to each other into one account",
  );
  block.pass(["mappings", "maps"], "subjects are not mapped");
  block.pass(["jetstream", "js", "cluster_traffic"], "mailboxes are always stored");
  block.pass(["msg_trace", "trace_dest", "nkey"], "mq9 has no such thing");
  block.finish();
  const users = listed.map((user) => ({ ...user, permissions: user.permissions ?? permissions }));
  return { name, users, maxConnections, sendTo };
}

function readSendTo(node: ConfigNode, name: string): "anyone" | "granted" {
  if (node.value !== "anyone" && node.value !== "granted")
    fail(node, `${name}: must be anyone or granted`);
  return node.value;
}

function readAccountLimits(node: ConfigNode, findings: Findings): number | undefined {
  const block = new Block(readBlock(node, "limits"), findings);
  const connections = block.read(["max_connections", "max_conn"], readWhole);
  block.pass(
    ["max_subscriptions", "max_subs", "max_payload", "max_pay", "max_leafnodes", "max_leafs"],
    "limits of an account are its connections; the rest is limited for all alike",
  );
  block.finish();
  return connections === undefined || connections < 0 ? undefined : connections;
}

/** Where something of users stands that only shows to be wrong when everything is known. */
interface AuthPlaces {
  readonly noAuthUser: ConfigNode | undefined;
  readonly systemAccount: ConfigNode | undefined;
  readonly users: ConfigNode | undefined;
  readonly operator: ConfigNode | undefined;
}

/** What only shows when everything is known: names that are said twice, or nowhere. */
export function checkAuth(auth: AuthConfig, findings: Findings, at: AuthPlaces): void {
  checkUsers(auth, findings);
  if (findings.problems.length > 0) return; // what could not be read would be missed
  try {
    checkAuthConfig(auth);
  } catch (error) {
    if (!(error instanceof AuthConfigError)) throw error;
    const place = placeOf(error.where, findings, at);
    // Without one it comes up again, and is told, when flags and file are put together.
    if (place !== undefined) findings.problem(place, inWordsOfTheFile(error));
  }
}

function checkUsers({ certificateNamesUser }: AuthConfig, findings: Findings): void {
  const first = new Map<string, Place>();
  for (const { name, place, hasProof } of findings.users) {
    const before = first.get(name);
    if (before === undefined) first.set(name, place);
    else findings.problem(place, `user ${name} is there twice; first in ${lineOf(before, place)}`);
    if (hasProof || certificateNamesUser === true) continue;
    findings.problem(
      place,
      `user ${name} has no password; set one, or an nkey, or let client certificates name users (tls { verify_and_map: true })`,
    );
  }
}

function lineOf({ file, line }: Place, seenFrom: Place): string {
  return file === seenFrom.file ? `line ${line}` : `${file}:${line}`;
}

/** The place of the user, or else of the key, that a path of the description names. */
function placeOf(where: string, findings: Findings, at: AuthPlaces): Place | undefined {
  const name = /users\["(.*?)"\]/.exec(where)?.[1];
  const user = findings.users.find((each) => JSON.stringify(each.name) === `"${name}"`);
  if (user !== undefined) return user.place;
  const [key = ""] = where.split(/[.[]/);
  if (key === "noAuthUser") return at.noAuthUser?.place;
  if (key === "systemAccount") return at.systemAccount?.place;
  return (key === "operator" ? at.operator : at.users)?.place;
}

function inWordsOfTheFile({ message }: AuthConfigError): string {
  return message.replace(/^noAuthUser/, "no_auth_user").replace(/^systemAccount/, "system_account");
}
