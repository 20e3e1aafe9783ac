// What subjects of the space mean by the options of today. Asked by the owner of `$mq9.AI.` for everything
// that comes; remembers what publishes mean.
import {
  type DialectOptions,
  type PublishTarget,
  parsePublish,
  parseSubscribe,
  type SubscribeTarget,
} from "@mq9/dialects";
import type { Rights } from "./rights.ts";

/** Subjects whose meaning is remembered. */
const targetsMax = 16_384;

/** What subjects and requests leave out. */
export interface MeaningOptions extends DialectOptions {
  /** How often a message may be passed on; 0 = without end. */
  readonly hopsMax: number;
}

/** Those that can change while a broker runs. */
export type ChangingMeanings = Omit<MeaningOptions, "allowTap">;

export class Meanings {
  #options: MeaningOptions;
  readonly #targets = new Map<string, PublishTarget>();

  constructor(options: MeaningOptions) {
    this.#options = options;
  }

  get options(): MeaningOptions {
    return this.#options;
  }

  /** Other options from now on. */
  change(options: Partial<ChangingMeanings>): void {
    this.#options = { ...this.#options, ...options };
    this.#targets.clear(); // what they mean may depend on it
  }

  ofPublish(subject: string): PublishTarget {
    const known = this.#targets.get(subject);
    if (known !== undefined) return known;
    const target = parsePublish(subject, this.#options);
    if (target.kind === "settle") return target; // each is used once
    if (this.#targets.size >= targetsMax) this.#targets.clear();
    this.#targets.set(subject, target);
    return target;
  }

  /** Who may watch everything that passes is known where users are. */
  ofSubscription(subject: string, rights: Rights | undefined): SubscribeTarget {
    const allowTap = rights === undefined ? this.#options.allowTap : rights.isOperator;
    return parseSubscribe(subject, { ...this.#options, allowTap });
  }
}
