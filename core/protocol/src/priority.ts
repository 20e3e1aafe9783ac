// The words and ranks of message priority. Every generation's words live on one scale, so a
// message keeps its place whoever sends it and whoever reads it.

/** The place of a message in its mailbox: lower ranks leave first. 0 critical, 1 urgent, 2 normal, 3 low. */
export type Rank = 0 | 1 | 2 | 3;

/** The sender's own word, kept with the message and shown to readers of the same generation. */
export type PriorityLabel = "critical" | "urgent" | "high" | "normal" | "low" | "notify";

/** All ranks in the order they leave a mailbox. */
export const ranks: readonly Rank[] = [0, 1, 2, 3];

/** Labels in the order of their stored code; never reorder, only append. */
export const priorityLabels: readonly PriorityLabel[] = [
  "critical",
  "urgent",
  "high",
  "normal",
  "low",
  "notify",
];

const rankByLabel: Readonly<Record<PriorityLabel, Rank>> = {
  critical: 0,
  urgent: 1,
  high: 1,
  normal: 2,
  low: 3,
  notify: 3,
};

/** The rank of a label; `high` counts as `urgent`, `notify` as `low`. */
export function rankOf(label: PriorityLabel): Rank {
  return rankByLabel[label];
}

/** The label named by a word of the wire, or undefined when the word is no priority. Case matters. */
export function parsePriorityLabel(word: string): PriorityLabel | undefined {
  return Object.hasOwn(rankByLabel, word) ? (word as PriorityLabel) : undefined;
}

/** A set of ranks as bits: bit r is set when rank r belongs to it. */
export type RankMask = number;

/** Every rank. */
export const allRanks: RankMask = 0b1111;

/** The mask that holds just one rank. */
export function maskOf(rank: Rank): RankMask {
  return 1 << rank;
}
