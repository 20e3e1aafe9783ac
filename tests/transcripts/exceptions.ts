// Every way in which the answers of this broker and of nats-server may differ, each with its reason.
// ./wire holds our answer; ./wire/nats-server holds a transcript of the same name with the other one.

/** One transcript that the two servers answer differently. */
export interface DocumentedDifference {
  /** File name in ./wire and in ./wire/nats-server. */
  readonly file: string;
  readonly reason: string;
}

/**
 * Not listed because it is left out of every record: since 2.12 the real server repeats INFO, with
 * `connect_info` set, after the first PONG of a connection. It tells a client its account; every
 * client takes it as an update of what it knows, and none waits for it.
 */
export const differences: readonly DocumentedDifference[] = [
  {
    file: "connect-again-defaults.txt",
    reason:
      "The real server keeps the options of the first CONNECT where the second leaves them out. Every client library writes all of its options every time; here each CONNECT means what it says, whatever came before.",
  },
  {
    file: "headers-not-a-block.txt",
    reason:
      "The real server passes any bytes on as headers. A client that checks what it gets drops its own connection then, so one publisher could cut off every reader; here the publisher is the one that goes.",
  },
  {
    file: "leading-zeros.txt",
    reason:
      "The real server repeats the digits of the publisher. A size is a number here and is written without leading zeros, which every client reads alike.",
  },
  {
    file: "pedantic-one-error.txt",
    reason:
      "The real server judges a pedantic publish twice, when its line ends and when its payload has come, and may answer both times. Here a publish is judged once, when it is whole, and gets the first error there is.",
  },
];

/** Scripts (./scripts) that the two servers answer differently; each of them has to. */
export interface ScriptDifference {
  /** Of the names of the scripts. */
  readonly scripts: RegExp;
  readonly reason: string;
}

export const scriptDifferences: readonly ScriptDifference[] = [
  {
    scripts: /^headers that are none: /,
    reason:
      "The real server passes any bytes on as headers. A client that checks what it gets drops its own connection then, so one publisher could cut off every reader; here the publisher is the one that goes.",
  },
  {
    scripts:
      /^(?:header sizes: (?:17 20|19 20|18 20 20)|arguments: HPUB with (?:4|[34] and payload))$/,
    reason:
      "Sizes that cut the block at the wrong place leave bytes that are no block, and those are refused as above.",
  },
  {
    scripts:
      /^(?:size(?: with reply)?: 0{1,8}2|header sizes(?: with reply)?: (?:018 0?20|18 020))$/,
    reason:
      "The real server repeats the digits of the publisher. A size is a number here and is written without leading zeros, which every client reads alike.",
  },
  {
    scripts: /^length: a line without end, 4097$/,
    reason:
      "One byte more is waited for, because it may be the CR of a line that is as long as allowed; for the real server it matters then where the network cut the line.",
  },
  {
    scripts: /^life(?:, verbose)?: subject of 500 tokens$/,
    reason:
      "Subscriptions have at most 64 tokens unless `max_sub_tokens` says otherwise: each token costs memory and time in every match. The real server sets no limit unless asked.",
  },
  {
    scripts: /^max_sub_tokens 4: SUB (?:a\.b\.c\.d\.[e>]|\*\.\*\.\*\.\*\.\*) in a queue$/,
    reason:
      "The error names the queue, as every other refusal of a subscription does: clients look for the subscription by subject and queue. The real server leaves it out.",
  },
  {
    scripts: /^max_sub_tokens 4: SUB (?:a\.\.b\.c\.d|a\.b\.c\.d\.|\.\.\.\.)(?: in a queue)?$/,
    reason:
      "What is no subject is told before what is too long; the real server counts the dots first.",
  },
  {
    scripts:
      /^(?:credentials where there is a default user: an nkey|worded as accounts and a default user: an? (?:unknown )?key.*)$/,
    reason:
      "Credentials that are offered are judged: a key that nobody knows is refused and not taken for the default user, who is for those that offer nothing.",
  },
  {
    scripts: /^lists: SUB in\.>$/,
    reason:
      "A pattern is allowed when all it can match is. The real server tests it as if it were a subject, so `in.*` lets in `in.>`, and with it what nobody allowed.",
  },
  {
    scripts: /^denied: (?:SUB|hears of) y\.>$/,
    reason:
      "The other side of the same rule: `y.>` is more than the denied `y.*`, so it is accepted, and what is denied is left out at delivery.",
  },
  {
    scripts: /^denied: SUB _INBOX\.>$/,
    reason:
      "Clients wait for answers below `_INBOX.`. Where there are users, a pattern over the inboxes of others is refused unless `--shared-inboxes` says otherwise; the real server lets everybody listen.",
  },
  {
    scripts: /^none: (?:PUB (?:a\.\.pub|foo\.)|SUB a\.\.b)$/,
    reason:
      "For the real server a subject with an empty token is in no list of what is denied. Here what is denied stays denied however it is spelled: owners of subject spaces read such subjects too.",
  },
  {
    scripts: /^answers2: the same reply subject twice$/,
    reason:
      "The real server counts a second request with the same reply subject as one of the answers to the first; here each request gives leave anew.",
  },
  {
    scripts: /^CONNECT: duplicate keys of two types$/,
    reason:
      "The last one of equal keys counts, as everywhere in JSON; the real server also looks at the types of those before it.",
  },
  {
    scripts: /^value: protocol = 1(?:\.0|e0)$/,
    reason: "JSON knows one kind of number: 1.0 and 1e0 are 1. The real server refuses them.",
  },
  {
    scripts:
      /^(?:subscribe, \w+|subscribe with queue|publish, (?:verbose and )?pedantic): (?:a?\\fb?)$/,
    reason:
      "A form feed is white space to the line parsers of some clients, which lose their connection over a subject with one. It is no subject here; the real server takes it for a letter.",
  },
];
