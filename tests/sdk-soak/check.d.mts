/** What the histories of a soak must not hold. */
export function check(
  records: object[],
  groups: readonly string[],
): {
  readonly violations: readonly string[];
  /** Accepted and not handled yet, or asked and not answered yet. */
  readonly missing: number;
  readonly counts: Readonly<Record<string, number>>;
};
