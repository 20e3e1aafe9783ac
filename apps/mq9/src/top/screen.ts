// A screen that is drawn over without flicker: one write per frame, on the terminal's other page, and the
// terminal as it was afterwards, however the program ends.
import type { ReadStream, WriteStream } from "node:tty";

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";
const home = "\u001b[H";
const restOfLine = "\u001b[K";
const restOfScreen = "\u001b[J";
/** Terminals that know it show nothing until the frame is whole. */
const beginFrame = "\u001b[?2026h";
const endFrame = "\u001b[?2026l";

export interface Screen extends Disposable {
  readonly columns: number;
  readonly rows: number;
  draw(lines: readonly string[]): void;
}

/**
 * @param onKey hears each key; Ctrl-C as `\u0003`
 * @param onResize the size has changed: draw again
 */
export function openScreen(
  stdout: WriteStream,
  stdin: ReadStream,
  { onKey, onResize }: { onKey: (key: string) => void; onResize: () => void },
): Screen {
  const onData = (chunk: Buffer) => {
    for (const key of chunk.toString("utf8")) onKey(key);
  };
  const close = () => {
    stdout.off("resize", onResize);
    stdin.off("data", onData);
    process.off("exit", close);
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    stdout.write(leave);
  };
  stdout.write(enter);
  stdout.on("resize", onResize);
  process.once("exit", close);
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on("data", onData).resume();
  return {
    get columns() {
      return Math.max(20, stdout.columns);
    },
    get rows() {
      return Math.max(4, stdout.rows);
    },
    draw: (lines) => {
      const body = lines.map((line) => `${line}${restOfLine}`).join("\r\n");
      stdout.write(`${beginFrame}${home}${body}${restOfScreen}${endFrame}`);
    },
    [Symbol.dispose]: close,
  };
}
