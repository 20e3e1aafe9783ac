// Names that read the same: letters of other scripts that look like Latin ones, and the several
// spellings of one character. A registry that held both would let one agent pose as another.

/** Latin letter, then the letters of Greek, Cyrillic, Armenian and Cherokee that look like it. */
const looksLike =
  "aаαɑ AАΑᎪ bЬ BВΒᏴ cсϲ CСϹᏟ dԁ DᎠ eеҽ EЕΕᎬ gɡց GԌᏀ hһհ HНΗᎻ iіιıɩ IІΙӀ jј JЈᎫ kкκ KКΚᏦ lӏ LᏞ mм MМΜᎷ nոп NΝ oоοօ OОΟՕ pрρ PРΡᏢ qԛգ QԚ rг RᏒ sѕ SЅՏᏚ tт TТΤᎢ uυս UՍ vνѵ VѴᏙ wԝ WԜᎳ xхχ XХΧ yуγү YΥҮ zᴢ ZΖᏃ";

const latinOf: ReadonlyMap<string, string> = new Map(
  looksLike.split(" ").flatMap((group) => {
    const [latin, ...others] = Array.from(group) as [string, ...string[]];
    return others.map((other) => [other, latin] as const);
  }),
);

/** What a name looks like: equal for names that a reader would take for the same. ASCII is itself. */
export function skeletonOf(name: string): string {
  let skeleton = "";
  for (const character of name.normalize("NFKC")) skeleton += latinOf.get(character) ?? character;
  return skeleton;
}
