// `mq9 top`: what goes on in a broker, drawn anew every few seconds; or once, for scripts.
import { type CommandSpec, choice, defineCommand, flag } from "../cli/command.ts";
import type { ConnectionFlags } from "../cli/connection.ts";
import { pause } from "../cli/pause.ts";
import { milliseconds, wholeNumber } from "../cli/values.ts";
import type { Sample, SampleOptions } from "../top/sample.ts";
import type { SortBy } from "../top/view.ts";

interface Flags extends ConnectionFlags {
  readonly once?: true;
  readonly every?: number;
  readonly sort?: SortBy;
  readonly prefix?: string;
  readonly limit?: number;
  readonly monitoring?: string;
}

const sorts: readonly SortBy[] = ["messages", "rate", "name"];

export const topCommands: readonly CommandSpec[] = [
  defineCommand<Flags>({
    path: "top",
    summary: "watch what goes on in a broker",
    description: `Shows mailboxes with what lies in them and how much is sent, groups with what is out
with their workers, and the broker's own figures where its monitoring port is open.
Keys: q quits, s sorts by another column, space looks at once. Takes nothing.`,
    options: [
      flag("--once", "one look, as text"),
      flag("--every <time>", "pause between two looks [2s]", milliseconds),
      choice("--sort <column>", "messages, rate or name [messages]", [...sorts]),
      flag("--prefix <text>", "only mailboxes whose names begin so"),
      flag("--limit <n>", "mailboxes to look into [200]", wholeNumber(1, 10_000)),
      flag("--monitoring <url>", "the broker's monitoring port [http://<host>:8222]"),
    ],
    examples: [
      ["Watch", "mq9 top"],
      ["The fullest mailboxes, for a script", "mq9 top --once --json"],
    ],
    output: "items",
    stoppable: true,
    fullScreen: true,
    run: async ({ options, out, connect, signal }) => {
      const { mq9, facts } = await connect();
      const { figuresOf, takeSample } = await import("../top/sample.ts");
      const { viewLines } = await import("../top/view.ts");
      const request: SampleOptions = {
        mq9,
        prefix: options.prefix ?? "",
        limit: options.limit ?? 200,
        figures: figuresOf(mq9, options.monitoring ?? usualMonitoring(facts.url)),
      };
      const { every = 2_000, sort = "messages" } = options;
      const live = options.once !== true && out.form !== "json";
      if (!live || (out.form === "text" && !out.isTerminal)) {
        const { value } = await takeSample(request);
        const { columns, colors } = out;
        const view = { columns, colors, rows: undefined, sort, footer: undefined };
        await out.result(value, () => viewLines(value, view).join("\n"));
        return;
      }
      if (out.form === "jsonl") {
        let sample: Sample | undefined;
        while (!signal.aborted) {
          sample = await takeSample(request, sample);
          await out.item(sample.value, () => "");
          await pause(every, signal);
        }
        return;
      }
      const { watch } = await import("../top/watch.ts");
      await watch(request, { every, sort, signal, colors: out.colors });
    },
  }),
];

/** Where a broker on this machine tells its figures, if it does. */
function usualMonitoring(url: string): string | undefined {
  const [first = url] = url.split(",");
  const { hostname } = new URL(first.includes("://") ? first : `nats://${first}`);
  return /^(localhost|127\.|\[::1\])/.test(hostname) ? `http://${hostname}:8222` : undefined;
}
