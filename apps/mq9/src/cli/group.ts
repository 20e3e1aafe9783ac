// Which group a command works in, the same for fetching, settling and waiting.

/** `--group`, else the agent's name (MQ9_AGENT or its context), else `default`. */
export function groupOf(options: { readonly group?: string }, agent: string | undefined): string {
  return options.group || agent || "default";
}
