// Who is let in, as both servers are told: the part of a configuration file in the dialect of
// nats-server. Knows nothing of what it means.
import type { SubjectRules } from "@mq9/router";
import type { AuthSetup, SetupUser } from "./transcript.ts";

/** The part of a configuration file that says who is let in; "" = everybody. */
export function authConfig(auth: AuthSetup | undefined): string {
  if (auth === undefined) return "";
  if (auth.text !== undefined) return auth.text;
  const { token, users, accounts, noAuthUser, timeoutMs } = auth;
  const lines: string[] = [];
  if (token !== undefined) lines.push(`token: ${JSON.stringify(token)}`);
  if (users !== undefined) lines.push(`users: [\n${users.map(userConfig).join("\n")}\n]`);
  if (timeoutMs !== undefined) lines.push(`timeout: ${timeoutMs / 1_000}`);
  let text = lines.length === 0 ? "" : `authorization {\n${lines.join("\n")}\n}\n`;
  if (accounts !== undefined) {
    const each = Object.entries(accounts).map(
      ([name, members]) => `${name} { users: [\n${members.map(userConfig).join("\n")}\n] }`,
    );
    text += `accounts {\n${each.join("\n")}\n}\n`;
  }
  if (noAuthUser !== undefined) text += `no_auth_user: ${JSON.stringify(noAuthUser)}\n`;
  return text;
}

function userConfig({ user, password, permissions }: SetupUser): string {
  const { publish, subscribe, allowResponses } = permissions ?? {};
  const rules: string[] = [];
  if (publish !== undefined) rules.push(`publish: ${subjectConfig(publish)}`);
  if (subscribe !== undefined) rules.push(`subscribe: ${subjectConfig(subscribe)}`);
  if (allowResponses === true) rules.push("allow_responses: true");
  else if (allowResponses !== undefined) {
    const { messagesMax, ttlMs } = allowResponses;
    rules.push(`allow_responses: { max: ${messagesMax}, expires: "${ttlMs}ms" }`);
  }
  const allowed = rules.length === 0 ? "" : `, permissions: { ${rules.join(", ")} }`;
  return `  { user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)}${allowed} }`;
}

function subjectConfig({ allow, deny }: SubjectRules): string {
  const parts = [];
  if (allow !== undefined) parts.push(`allow: ${JSON.stringify(allow)}`);
  if (deny !== undefined) parts.push(`deny: ${JSON.stringify(deny)}`);
  return `{ ${parts.join(", ")} }`;
}
