// Traces across mailboxes, where the program has OpenTelemetry: a send is a producer span whose context
// travels with the message, handling one is a span of its own that links to it. Without OpenTelemetry
// nothing here does anything. Never a dependency: the API is looked for when a client connects.

/** What is used of `@opentelemetry/api`: that module fits. */
export interface TelemetryApi {
  readonly trace: {
    getTracer(name: string, version?: string): Tracer;
    setSpan(context: Context, span: Span): Context;
    getSpanContext(context: Context): SpanContext;
  };
  readonly context: {
    active(): Context;
    with<R>(context: Context, run: () => R): R;
  };
  readonly propagation: {
    inject(context: Context, carrier: Carrier, setter: Setter): void;
    extract(context: Context, carrier: Carrier, getter: Getter): Context;
  };
  readonly ROOT_CONTEXT: Context;
}

// biome-ignore lint/suspicious/noExplicitAny: contexts are opaque, and every release names them anew
type Context = any;
type Carrier = [string, string][];

interface Setter {
  set(carrier: Carrier, name: string, value: string): void;
}

interface Getter {
  keys(carrier: Carrier): string[];
  get(carrier: Carrier, name: string): string | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: opaque here, or undefined; only handed back as a link
type SpanContext = any;

interface Span {
  spanContext(): { readonly traceId: string };
  // biome-ignore lint/suspicious/noExplicitAny: what it returns is of no use here
  setAttribute(name: string, value: string | number): any;
  recordException(error: Error): void;
  // biome-ignore lint/suspicious/noExplicitAny: what it returns is of no use here
  setStatus(status: { code: number; message?: string }): any;
  end(): void;
}

interface Tracer {
  startSpan(
    name: string,
    options: {
      kind: number;
      root?: boolean;
      attributes: Record<string, string | number | boolean>;
      links?: { context: SpanContext }[];
    },
  ): Span;
}

/** The parts of a message that a span tells of. */
export interface Traced {
  readonly mailbox: string;
  readonly msgId: number;
  readonly correlationId: string | undefined;
  readonly deliveryCount: number | undefined;
  readonly headers: Iterable<readonly [string, string]>;
}

// Numbers of OpenTelemetry's SpanKind and SpanStatusCode.
const producer = 3;
const consumer = 4;
const failed = 2;

let api: TelemetryApi | undefined;
let looked: Promise<void> | undefined;
/** A tracer was there once. */
let isActive = false;
let probedMs = Number.NEGATIVE_INFINITY;
/** How often is looked whether the program has begun to trace. */
const probeMs = 1_000;

/** For bundled programs, whose bundler must see the import: `useTelemetry(await import("@opentelemetry/api"))`. */
export function useTelemetry(telemetry: TelemetryApi | undefined): void {
  api = telemetry;
  looked = Promise.resolve();
  isActive = false;
  probedMs = Number.NEGATIVE_INFINITY;
}

/** Looks for OpenTelemetry, once. Never fails: without it there are no spans. */
export function findTelemetry(): Promise<void> {
  looked ??= lookFor("@opentelemetry/api");
  return looked;
}

/** @param name not written where it is imported, so that no bundler insists on it */
async function lookFor(name: string): Promise<void> {
  try {
    api = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as TelemetryApi;
  } catch {
    api = undefined; // it is optional
  }
}

/** Whether the program traces at all: the API alone, without an SDK behind it, makes spans of nothing. */
export function isTracing(): boolean {
  if (api === undefined) return false;
  if (isActive) return true;
  const nowMs = performance.now();
  if (nowMs - probedMs < probeMs) return false;
  probedMs = nowMs;
  const attributes = {};
  const probe = tracer(api).startSpan("probe", { kind: consumer, root: true, attributes });
  isActive = !/^0*$/.test(probe.spanContext().traceId);
  return isActive;
}

/**
 * Runs a send inside a span, and writes its context to the headers. A `traceparent` that is there
 * already was put there on purpose and stays.
 */
export async function traceSend<R extends { readonly msgId: number }>(
  mailbox: string,
  lines: Carrier,
  run: () => Promise<R>,
): Promise<R> {
  if (api === undefined || !isTracing()) return await run();
  const { trace, context, propagation } = api;
  const span = tracer(api).startSpan(`send ${templateOf(mailbox) ?? mailbox}`, {
    kind: producer,
    attributes: attributesOf(mailbox, "send", "send"),
  });
  const inside = trace.setSpan(context.active(), span);
  if (!lines.some(([name]) => /^traceparent$/i.test(name)))
    propagation.inject(inside, lines, setter);
  return await spanned(span, async () => {
    const result = await context.with(inside, run);
    if (result.msgId >= 0) span.setAttribute("messaging.message.id", String(result.msgId));
    return result;
  });
}

/** Runs a handler inside a span of a trace of its own, which links to the message's sender. */
export async function traceProcess<R>(
  message: Traced,
  group: string,
  run: () => Promise<R>,
): Promise<R> {
  if (api === undefined || !isTracing()) return await run();
  const { trace, context, propagation, ROOT_CONTEXT } = api;
  const { mailbox, msgId, correlationId, deliveryCount } = message;
  const carrier = [...message.headers].map(([name, value]): [string, string] => [name, value]);
  const sender = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, carrier, getter));
  const span = tracer(api).startSpan(`process ${templateOf(mailbox) ?? mailbox}`, {
    kind: consumer,
    root: true,
    attributes: {
      ...attributesOf(mailbox, "process", "process"),
      "messaging.message.id": String(msgId),
      "messaging.consumer.group.name": group,
      ...(correlationId === undefined
        ? {}
        : { "messaging.message.conversation_id": correlationId }),
      ...(deliveryCount === undefined ? {} : { "mq9.delivery_count": deliveryCount }),
    },
    links: sender === undefined ? [] : [{ context: sender }],
  });
  return await spanned(span, () => context.with(trace.setSpan(context.active(), span), run));
}

async function spanned<R>(span: Span, run: () => Promise<R>): Promise<R> {
  try {
    return await run();
  } catch (error) {
    const problem = error instanceof Error ? error : new Error(String(error));
    span.recordException(problem);
    span.setStatus({ code: failed, message: problem.message });
    throw error;
  } finally {
    span.end();
  }
}

function tracer(telemetry: TelemetryApi): Tracer {
  return telemetry.trace.getTracer("@mq9/sdk");
}

function attributesOf(
  mailbox: string,
  name: string,
  type: string,
): Record<string, string | boolean> {
  const template = templateOf(mailbox);
  return {
    "messaging.system": "mq9",
    "messaging.operation.name": name,
    "messaging.operation.type": type,
    "messaging.destination.name": mailbox,
    ...(template === undefined
      ? {}
      : { "messaging.destination.template": template, "messaging.destination.anonymous": true }),
  };
}

/** Names that the broker made up are as many as mailboxes; spans are named by what they have in common. */
function templateOf(mailbox: string): string | undefined {
  const generated = /^(m-|m-status-)[0-9a-f]{8}-[0-9a-f-]{27}$/.exec(mailbox);
  if (generated !== null) return `${generated[1]}{id}`;
  return /^[a-z2-7]{26}$/.test(mailbox) ? "{id}" : undefined;
}

const setter: Setter = {
  set: (carrier, name, value) => {
    carrier.push([name, value]);
  },
};

const getter: Getter = {
  keys: (carrier) => carrier.map(([name]) => name),
  get: (carrier, wanted) =>
    carrier.find(([name]) => name.toLowerCase() === wanted.toLowerCase())?.[1],
};
