// The error of options that can not be used.

/** What a number was and the lowest and highest value it may have. */
export interface OutOfRange {
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
}

/** An option that can not be used. `option` is its path, for instance `limits.maxPayloadBytes`. */
export class OptionsError extends Error {
  readonly option: string;
  /** Set when the option is a number outside its range; undefined for every other reason. */
  readonly range: OutOfRange | undefined;

  constructor(option: string, message: string, range?: OutOfRange) {
    super(message);
    this.name = "OptionsError";
    this.option = option;
    this.range = range;
  }
}
