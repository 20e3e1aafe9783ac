// Log lines as a nats-server writes them, for programs that read its log to learn that it is ready.
// Called by the log with pino's JSON lines; knows nothing of who reads them.

const levels: Readonly<Record<string, string>> = {
  fatal: "FTL",
  error: "ERR",
  warn: "WRN",
  info: "INF",
  debug: "DBG",
  trace: "TRC",
};

/** Fields that say what the line says anyway. */
const left: ReadonlySet<string> = new Set(["level", "time", "component", "msg", "plain"]);

/**
 * `[4711] 2026/11/21 09:30:00.123456 [INF] Server is ready`
 * @param line one JSON line
 * @param withTime as nats-server's `logtime`
 * @param nowMs Unix milliseconds, with fractions
 */
export function natsLine(line: string, withTime: boolean, nowMs: number): string {
  const event = JSON.parse(line) as Record<string, unknown>;
  const level = levels[String(event["level"])] ?? "INF";
  const fields = event["plain"] === true ? "" : fieldsOf(event);
  const time = withTime ? `${timeText(nowMs)} ` : "";
  return `[${process.pid}] ${time}[${level}] ${String(event["msg"])}${fields}\n`;
}

function fieldsOf(event: Record<string, unknown>): string {
  return Object.entries(event)
    .filter(([name]) => !left.has(name))
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
}

/** In this machine's time zone. */
function timeText(nowMs: number): string {
  const date = new Date(nowMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const micros = String(Math.floor((nowMs % 1000) * 1000)).padStart(6, "0");
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}
