// Text into words, for the registry's index and its queries alike. Scripts without spaces are cut
// into pairs of characters, so that a part of a sentence finds the whole.

/** Runs of letters and digits; marks belong to the letter before them. */
const wordPattern = /[\p{L}\p{N}\p{M}]+/gu;
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+/gu;
const humps = /(?<=\p{Ll})(?=\p{Lu})/u;

/** Longest word that is indexed. */
const wordLengthMax = 64;

/** Words too common to tell one agent from another. */
const stopWords: ReadonlySet<string> = new Set(
  "a an and any are as at be by can for from has have i in into is it its me my of on or our so some than that the their them then there these they this to us was we were what when which who will with you your".split(
    " ",
  ),
);

/** The words of a text as they are indexed: lower case, without accents, in order. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [run] of text.normalize("NFKC").matchAll(wordPattern)) {
    let rest = 0;
    for (const piece of run.matchAll(unspaced)) {
      addRun(words, run.slice(rest, piece.index));
      addPairs(words, piece[0]);
      rest = piece.index + piece[0].length;
    }
    addRun(words, run.slice(rest));
  }
  return words;
}

/** `PdfExtractor` is found by `pdf`, by `extractor` and by `pdfextractor`. */
function addRun(words: string[], run: string): void {
  if (run === "") return;
  add(words, run);
  const parts = run.split(humps);
  if (parts.length > 1) for (const part of parts) add(words, part);
}

function add(words: string[], word: string): void {
  const plain = word.slice(0, wordLengthMax).toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
  if (plain !== "" && !stopWords.has(plain)) words.push(plain);
}

function addPairs(words: string[], piece: string): void {
  const characters = Array.from(piece);
  if (characters.length === 1) words.push(piece);
  for (let i = 0; i + 1 < characters.length; i += 1) {
    words.push(`${characters[i]}${characters[i + 1]}`);
  }
}
