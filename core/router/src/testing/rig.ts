// A router on a free port for the router's own tests.

import type { RouterHooks } from "../hub.ts";
import type { RouterOptions } from "../options.ts";
import { createRouter, type Router } from "../router.ts";
import type { SubjectSpace } from "../subject-space.ts";

/** A router that listens, and closes when it is disposed of. */
export interface RunningRouter extends AsyncDisposable {
  readonly router: Router;
  readonly port: number;
  /** 0 without a WebSocket listener. */
  readonly websocketPort: number;
}

/** Starts a router on 127.0.0.1. */
export async function startRouter(
  options: Partial<RouterOptions> = {},
  hooks: RouterHooks = {},
  space?: SubjectSpace,
): Promise<RunningRouter> {
  const router = createRouter({ host: "127.0.0.1", port: 0, ...options }, hooks);
  if (space !== undefined) router.claim(space);
  const { port, websocket } = await router.listen();
  const websocketPort = websocket?.port ?? 0;
  return { router, port, websocketPort, [Symbol.asyncDispose]: () => router.close() };
}
