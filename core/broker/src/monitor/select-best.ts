// The first entries of a long list in some order, found in slices so that nothing else waits long.

/** Entries sorted at once. */
const chunkLength = 4_096;

/**
 * @param compare negative when `a` comes before `b`; among equals the earlier in the list comes first
 * @param pause awaited between slices of work
 * @returns at most `most` entries, in order
 */
export async function selectBest<T>(
  entries: readonly T[],
  compare: (a: T, b: T) => number,
  most: number,
  pause: () => Promise<void>,
): Promise<T[]> {
  let best: T[] = [];
  for (let from = 0; from < entries.length; from += chunkLength) {
    if (from > 0) await pause();
    const chunk = entries.slice(from, from + chunkLength).sort(compare);
    best = from === 0 ? chunk.slice(0, most) : merged(best, chunk, compare, most);
  }
  return best;
}

function merged<T>(
  left: readonly T[],
  right: readonly T[],
  compare: (a: T, b: T) => number,
  most: number,
): T[] {
  const result: T[] = [];
  let l = 0;
  let r = 0;
  while (result.length < most && (l < left.length || r < right.length)) {
    const takesRight =
      l >= left.length || (r < right.length && compare(right[r] as T, left[l] as T) < 0);
    result.push((takesRight ? right[r++] : left[l++]) as T);
  }
  return result;
}
