import type { Sabotage } from "./sabotages.mjs";

/** A copy of the sources whose packages refer to each other. @returns its folder */
export function makeCopy(): string;
/** The source with the fault in it. Throws when the fault does not fit. */
export function plant(source: string, sabotage: Sabotage): string;
export function runSuites(
  copy: string,
  suites: readonly string[],
): Promise<{ passed: boolean; output: string }>;
