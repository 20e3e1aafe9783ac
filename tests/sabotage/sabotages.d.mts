/** One fault: `find` occurs once in `file` and becomes `put`; `suites` must notice. */
export interface Sabotage {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly put: string;
  readonly suites: readonly string[];
  /** The suites start programs, so the copy is built. */
  readonly built?: boolean;
}
export const sabotages: readonly Sabotage[];
