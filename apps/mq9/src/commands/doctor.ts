// `mq9 doctor`: what stands in the way, of this machine and of the broker, each with what to do.
import path from "node:path";
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { type ConnectionFlags, connectionFacts } from "../cli/connection.ts";
import { CliError } from "../cli/exit-codes.ts";
import { type Finding, findingJson, renderFindings, worst } from "../cli/findings.ts";
import type { DoctorJson } from "../cli/schemas/findings.ts";
import { withoutSecrets } from "../cli/session.ts";
import { counted } from "../cli/text.ts";
import { version } from "../version.ts";

interface Flags extends ConnectionFlags {
  readonly data?: string;
  readonly monitoring?: string;
}

export const doctorCommands: readonly CommandSpec[] = [
  defineCommand<Flags>({
    path: "doctor",
    summary: "look for what stands in the way",
    description: `Looks for what stands in the way: of this machine (Node, open files, contexts,
the data folder and its disk) and of the broker (is it there, does it let you in,
do versions and clocks agree, is mail stored). Makes one mailbox with a name that
nobody can guess, and drops it again; changes nothing else.`,
    options: [
      flag("--data <folder>", "data folder of a broker here [MQ9_DATA, ./mq9-data]"),
      flag("--monitoring <url>", "the broker's monitoring port [http://<host>:8222]"),
    ],
    examples: [
      ["Everything", "mq9 doctor"],
      ["The same with credentials that are kept", "mq9 doctor --context work"],
    ],
    output: "one",
    exits: ["error"],
    exitNotes: { error: "something stands in the way" },
    run: async ({ options, out, env, connect }) => {
      const { checkContexts, checkDataFolder, checkNode, checkOpenFiles } = await import(
        "../doctor/local.ts"
      );
      const findings: Finding[] = [
        checkNode(),
        ...checkOpenFiles(),
        ...checkContexts(env, options.context),
      ];
      const named = options.data ?? (env["MQ9_DATA"] || undefined);
      findings.push(...checkDataFolder(path.resolve(named ?? "mq9-data"), named !== undefined));
      const broker = await checkConnection(options, env, connect);
      findings.push(...broker.findings);
      const value: DoctorJson = {
        worst: worst(findings),
        version,
        url: broker.url,
        findings: findings.map(findingJson),
      };
      await out.result(value, () => textOf(value, out));
      if (value.worst !== "fail") return "done";
      return broker.connected ? "error" : "noConnection";
    },
  }),
];

async function checkConnection(
  options: Flags,
  env: Readonly<Record<string, string | undefined>>,
  connect: Parameters<CommandSpec["run"]>[0]["connect"],
): Promise<{ findings: readonly Finding[]; connected: boolean; url: string }> {
  let facts: ReturnType<typeof connectionFacts>;
  try {
    facts = connectionFacts(options, env);
  } catch (error) {
    // A context that can not be read is told already.
    if (error instanceof CliError) return { findings: [], connected: false, url: "" };
    throw error;
  }
  const url = withoutSecrets(facts.url);
  const broker = await import("../doctor/broker.ts");
  try {
    const { mq9 } = await connect();
    const host = new URL(facts.url.split(",")[0] ?? facts.url).hostname;
    const usual = broker.isHere(host) ? host : "";
    return {
      url,
      connected: true,
      findings: [
        ...(await broker.checkBroker(mq9, facts)),
        ...(options.monitoring === undefined && usual === ""
          ? []
          : await broker.checkMonitoring(mq9, options.monitoring, usual)),
      ],
    };
  } catch (error) {
    if (!(error instanceof CliError) || error.exit !== "noConnection") throw error;
    return { url, connected: false, findings: await broker.explainNoConnection(error, facts) };
  }
}

function textOf({ findings }: DoctorJson, out: Parameters<typeof renderFindings>[1]): string {
  const count = (level: string) => findings.filter((finding) => finding.level === level).length;
  const [fails, warns] = [count("fail"), count("warn")];
  const sum =
    fails > 0
      ? out.colors.red(`${counted(fails, "thing")} ${fails === 1 ? "stands" : "stand"} in the way.`)
      : warns > 0
        ? out.colors.yellow(`Nothing stands in the way; ${counted(warns, "thing")} to look at.`)
        : out.colors.green("Nothing stands in the way.");
  return `${renderFindings(findings, out)}\n\n${sum}`;
}
