// Trust in an operator, as a configuration file describes it: its JWT or key, and the JWTs of the
// accounts. Reads a JWT's file; what the JWTs say is checked by the authenticator.
import { readFileSync } from "node:fs";
import type { OperatorConfig } from "@mq9/auth";
import { type ConfigNode, isMap } from "../nats-config/tree.ts";
import { type Block, type Findings, fail, readBlock, readText, readTexts } from "./blocks.ts";

const jwtForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Takes the keys of operator mode from the top of a file. @returns undefined when there are none */
export function readOperator(block: Block, findings: Findings): OperatorConfig | undefined {
  const jwts = block.read(
    ["operator", "operators", "roots", "root", "root_operators", "root_operator"],
    (node, name) => readTexts(node, name).map((text) => operatorOf(text, node)),
  );
  const keys = block.read(["trusted", "trusted_keys"], readOperatorKeys);
  const resolver = block.read("resolver", readResolver);
  const accounts = block.read("resolver_preload", readPreload);
  if (jwts === undefined && keys === undefined) {
    const stray = block.node("resolver_preload");
    if (stray !== undefined) findings.problem(stray.place, "resolver_preload: needs an operator");
    return undefined;
  }
  if (resolver === undefined && accounts === undefined) {
    const node = block.node("operator", "operators", "trusted_keys");
    if (node !== undefined)
      findings.remark(node.place, "no account is known: there is no resolver_preload");
  }
  return { operators: [...(jwts ?? []), ...(keys ?? [])], accounts: accounts ?? new Map() };
}

/** A JWT, or the path of a file that holds one. */
function operatorOf(text: string, node: ConfigNode): string {
  if (jwtForm.test(text)) return text;
  let content: string;
  try {
    content = readFileSync(text, "utf8");
  } catch (error) {
    return fail(
      node,
      `operator: ${text} is no JWT and can not be read as a file: ${(error as Error).message}`,
    );
  }
  const jwt = content
    .split("\n")
    .map((line) => line.trim())
    .find((line) => jwtForm.test(line));
  return jwt ?? fail(node, `operator: there is no JWT in ${text}`);
}

function readOperatorKeys(node: ConfigNode, name: string): string[] {
  const keys = readTexts(node, name);
  const wrong = keys.find((key) => !/^O[A-Z2-7]{55}$/.test(key));
  if (wrong !== undefined) fail(node, `${name}: ${wrong} is no public operator key, O…`);
  return keys;
}

function readResolver(node: ConfigNode, name: string): "MEMORY" {
  const { value } = node;
  const kind = isMap(value) ? value.get("type")?.value : value;
  if (typeof kind !== "string" || !/^mem(?:ory)?$/i.test(kind)) {
    fail(node, `${name}: must be MEMORY; account JWTs stand in resolver_preload`);
  }
  return "MEMORY";
}

function readPreload(node: ConfigNode, name: string): Map<string, string> {
  const accounts = new Map<string, string>();
  for (const [key, jwt] of readBlock(node, name)) {
    if (!/^A[A-Z2-7]{55}$/.test(key)) fail(jwt, `${name}: ${key} is no public account key, A…`);
    accounts.set(key, readText(jwt, name));
  }
  return accounts;
}
