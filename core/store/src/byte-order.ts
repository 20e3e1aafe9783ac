// The order of texts in a store: that of their UTF-8 bytes, which is the order of code points.

/** Compares two texts as their UTF-8 bytes compare; JavaScript's `<` compares UTF-16 units. */
export function compareInByteOrder(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointPlace(x) - codePointPlace(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF, so they sort behind U+E000 to U+FFFF. */
function codePointPlace(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
