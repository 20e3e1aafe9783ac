// Names that the broker made because nobody asked for one. Nobody can guess them.

/** Whether a name looks like those that CREATE makes: nobody asks for such a name a second time. */
export function isGeneratedName(name: string): boolean {
  return generatedName.test(name);
}

const generatedName =
  /^(?:m-(?:status-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z2-7]{26})$/;
