// `mq9 top` on a terminal: looks, draws, waits, and hears keys meanwhile. Ends with q, Ctrl-C or a signal.
import type { Colors } from "../cli/output.ts";
import { type Sample, type SampleOptions, takeSample } from "./sample.ts";
import { openScreen } from "./screen.ts";
import { type SortBy, viewLines } from "./view.ts";

export interface WatchOptions {
  /** Milliseconds between two looks. */
  readonly every: number;
  readonly sort: SortBy;
  readonly signal: AbortSignal;
  readonly colors: Colors;
}

const nextSort: Readonly<Record<SortBy, SortBy>> = {
  messages: "rate",
  rate: "name",
  name: "messages",
};

export async function watch(
  request: SampleOptions,
  { every, signal, colors, ...options }: WatchOptions,
): Promise<void> {
  let { sort } = options;
  let sample: Sample | undefined;
  let problem: string | undefined;
  let ended = false;
  let wake: () => void = () => {};
  const draw = () => {
    if (sample === undefined) return;
    const { columns, rows } = screen;
    const state = problem === undefined ? "" : `${problem}  `;
    const footer = `${state}q quits, s sorts (by ${sort}), every ${every / 1_000} s`;
    screen.draw(viewLines(sample.value, { columns, rows, sort, colors, footer }));
  };
  const onKey = (key: string) => {
    if (key === "q" || key === "Q" || key === "\u0003") ended = true;
    if (key === "s") sort = nextSort[sort];
    if (key === "s") draw();
    else wake();
  };
  using screen = openScreen(process.stdout, process.stdin, { onKey, onResize: draw });
  const stop = () => {
    ended = true;
    wake();
  };
  signal.addEventListener("abort", stop, { once: true });
  while (!ended) {
    try {
      sample = await takeSample(request, sample);
      problem = undefined;
    } catch (error) {
      // A broker that restarts comes back; until then the last look stays.
      if (sample === undefined) throw error;
      problem = colors.red(`no answer: ${(error as Error).message.slice(0, 40)}`);
    }
    draw();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, every);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (ended || signal.aborted) wake();
    });
    if (signal.aborted) ended = true;
  }
}
