// Asks an OpenAI-compatible endpoint for vectors of meaning. Called by the registry through a port;
// never retries, never logs texts or the key, and gives up in time for the search that waits.
import type { Log } from "./log.ts";
import type { RegistryOptions } from "./options.ts";

/** `now`: a search waits. `later`: agents are indexed in the background. */
export type EmbedWhen = "now" | "later";

export interface Embeddings {
  /** Vectors of the texts in their order. Rejects when there are none in time. */
  readonly embed: (texts: readonly string[], when: EmbedWhen) => Promise<readonly Float32Array[]>;
  /** Ends what is under way; later calls reject. */
  stop(): void;
}

/** Time a request in the background may take. */
const laterTimeoutMs = 30_000;
/** Bytes of one reply; 64 vectors of 4,096 numbers are about 6 MB. */
const replyBytesMax = 32 * 1024 * 1024;
const dimensionsMax = 16_384;
/** A failing endpoint is mentioned in the log this often. */
const remindMs = 60_000;

/**
 * @param options `embeddingsUrl` is set
 * @param key sent as a bearer token; undefined = none
 * @returns undefined when no endpoint is configured
 */
export function createEmbeddings(
  options: RegistryOptions,
  key: string | undefined,
  log: Log,
): Embeddings | undefined {
  if (options.embeddingsUrl === "") return undefined;
  const url = `${options.embeddingsUrl.replace(/\/+$/, "")}/embeddings`;
  const stopped = new AbortController();
  let remindedAtMs = Number.NEGATIVE_INFINITY;

  const ask = async (texts: readonly string[], when: EmbedWhen): Promise<Float32Array[]> => {
    const timeoutMs = when === "now" ? options.embeddingsTimeoutMs : laterTimeoutMs;
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({
        model: options.embeddingsModel,
        input: texts,
        encoding_format: "float",
      }),
      redirect: "error", // the key is for the endpoint that was configured alone
      signal: AbortSignal.any([stopped.signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`the endpoint answered ${response.status}`);
    }
    return vectorsOf(JSON.parse(await readText(response)), texts.length);
  };

  return {
    embed: async (texts, when) => {
      try {
        return await ask(texts, when);
      } catch (error) {
        if (!stopped.signal.aborted && performance.now() - remindedAtMs >= remindMs) {
          remindedAtMs = performance.now();
          log.warn("the embedding endpoint could not be used; searches go by words alone", {
            endpoint: url,
            error: error instanceof Error ? error : new Error(String(error)),
          });
        }
        throw error;
      }
    },
    stop: () => stopped.abort(),
  };
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > replyBytesMax) throw new Error(`the reply is longer than ${replyBytesMax} bytes`);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** @throws when the reply is not one vector per text, all of one length */
function vectorsOf(reply: unknown, count: number): Float32Array[] {
  const data = (reply as { data?: unknown } | null)?.data;
  if (!Array.isArray(data) || data.length !== count) throw notVectors();
  const vectors: (Float32Array | undefined)[] = Array.from({ length: count });
  data.forEach((row: { index?: unknown; embedding?: unknown } | null, i) => {
    const index = row?.index ?? i;
    const numbers = row?.embedding;
    if (typeof index !== "number" || !Array.isArray(numbers)) throw notVectors();
    if (numbers.length === 0 || numbers.length > dimensionsMax) throw notVectors();
    if (!numbers.every((x) => typeof x === "number" && Number.isFinite(x))) throw notVectors();
    vectors[index] = Float32Array.from(numbers as number[]);
  });
  const length = vectors[0]?.length;
  if (vectors.length !== count || !vectors.every((of) => of?.length === length)) throw notVectors();
  return vectors as Float32Array[];
}

function notVectors(): Error {
  return new Error("the endpoint did not answer one vector per text");
}
