// What a heading becomes in an address: as code hosts make it, so that one link works in both places.

/** @param heading its text, without marks of Markdown */
export function slugOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}
