// Traces across mailboxes with the real OpenTelemetry: spans of both sides, how they hang together, and what
// becomes of a context that the sender brings itself.

import { connect, type Mq9, useTelemetry } from "@mq9/sdk";
import * as api from "@opentelemetry/api";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { eventually } from "./eventually.ts";

const exporter = new InMemorySpanExporter();
let server: BrokerInProcess;

/** The form of W3C, which is all that these tests need of it. */
const w3c: api.TextMapPropagator = {
  inject: (from, carrier, setter) => {
    const span = trace.getSpanContext(from);
    if (span === undefined) return;
    setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-01`);
  },
  extract: (from, carrier, getter) => {
    const [, traceId, spanId] = String(getter.get(carrier, "traceparent") ?? "").split("-");
    if (traceId === undefined || spanId === undefined) return from;
    return trace.setSpanContext(from, { traceId, spanId, traceFlags: 1, isRemote: true });
  },
  fields: () => ["traceparent"],
};

beforeAll(async () => {
  server = await brokerInProcess();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(w3c);
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});
beforeEach(() => exporter.reset());

async function client(): Promise<Mq9> {
  const mq9 = await connect(`nats://127.0.0.1:${server.address.port}`);
  onTestFinished(() => mq9.drain());
  return mq9;
}

function spanOf(name: string): ReadableSpan {
  const found = exporter.getFinishedSpans().find((each) => each.name === name);
  if (found === undefined) throw new Error(`no span ${name}`);
  return found;
}

test("handling is a trace of its own that links to the send, whose context is stored with the message", async () => {
  const mq9 = await client();
  const box = await mq9.createMailbox({ name: "traced" });
  const tracer = trace.getTracer("test");
  await tracer.startActiveSpan("order", async (span) => {
    await box.send("x");
    span.end();
  });
  let inside: string | undefined;
  let stored: string | undefined;
  const consumer = box.consume((message) => {
    inside = trace.getActiveSpan()?.spanContext().spanId;
    stored = message.traceparent;
  });
  await eventually(() => consumer.stats.acked === 1);
  const [send, process, order] = [spanOf("send traced"), spanOf("process traced"), spanOf("order")];
  expect(send.kind).toBe(SpanKind.PRODUCER);
  expect(send.parentSpanContext?.spanId).toBe(order.spanContext().spanId);
  expect(send.attributes).toMatchObject({
    "messaging.system": "mq9",
    "messaging.operation.type": "send",
    "messaging.destination.name": "traced",
    "messaging.message.id": "0",
  });
  const { traceId, spanId } = send.spanContext();
  expect(stored).toBe(`00-${traceId}-${spanId}-01`);
  expect(process.kind).toBe(SpanKind.CONSUMER);
  expect(process.spanContext().spanId).toBe(inside);
  expect(process.parentSpanContext).toBeUndefined();
  expect(process.spanContext().traceId).not.toBe(traceId);
  expect(process.links.map((link) => link.context.spanId)).toEqual([spanId]);
  expect(process.attributes).toMatchObject({
    "messaging.operation.type": "process",
    "messaging.consumer.group.name": "default",
    "messaging.message.id": "0",
  });
});

test("a context that the sender gives passes unchanged", async () => {
  const mq9 = await client();
  const box = await mq9.createMailbox({ name: "given" });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await box.send("x", { headers: { traceparent } });
  const [message] = await box.fetch({ waitMs: 0 });
  expect(message?.headers.values("traceparent")).toEqual([traceparent]);
});

test("what a handler throws is told by its span, and the conversation of a request by both", async () => {
  const mq9 = await client();
  const box = await mq9.createMailbox({ name: "asked" });
  const replier = box.reply(
    (message) => {
      if (message.text() === "bad") throw new Error("no");
      return "yes";
    },
    { retries: { max: 1, backoffMs: 1 }, onError: () => {} },
  );
  await mq9.request("asked", "good", { requestId: "r-1" });
  await expect(mq9.request("asked", "bad")).rejects.toThrow("no");
  await replier.stop();
  const processed = exporter.getFinishedSpans().filter((each) => each.name === "process asked");
  const [good, failed] = processed;
  expect(good?.attributes["messaging.message.conversation_id"]).toBe("r-1");
  expect(failed?.status).toMatchObject({ code: SpanStatusCode.ERROR, message: "no" });
  expect(failed?.events.map((event) => event.name)).toEqual(["exception"]);
  // The answer is sent inside the handling of its question.
  const answers = exporter.getFinishedSpans().filter((each) => each.name === "send {id}");
  expect(answers.length + processed.length).toBeGreaterThan(processed.length);
});

test("the module of OpenTelemetry can be handed in, and taken away", async () => {
  const mq9 = await client();
  const box = await mq9.createMailbox({ name: "handed" });
  useTelemetry(undefined);
  await box.send("silent");
  expect(exporter.getFinishedSpans()).toEqual([]);
  useTelemetry(api);
  await box.send("traced");
  expect(exporter.getFinishedSpans().map((each) => each.name)).toEqual(["send handed"]);
});
