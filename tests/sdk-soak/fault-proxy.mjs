// A TCP proxy between clients and a broker that does what networks do: breaks connections, takes none for
// a while, is slow, or leaves connections open that carry nothing any more.
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class FaultProxy {
  #server;
  #pairs = new Set();
  #upstreamPort;
  #delayMs = 0;
  #refusing = false;

  static async start(upstreamPort) {
    const proxy = new FaultProxy();
    proxy.#upstreamPort = upstreamPort;
    proxy.#server = createServer((client) => proxy.#accept(client));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url() {
    return `nats://127.0.0.1:${this.#server.address().port}`;
  }

  /** Breaks each connection for which `chosen` says so. */
  cut(chosen = () => true) {
    for (const pair of this.#pairs) if (chosen()) pair.destroy();
  }

  /** They stay open and carry nothing, in either direction, for good. */
  silence(chosen) {
    for (const pair of this.#pairs) if (chosen()) pair.silent = true;
  }

  refuse(isRefusing) {
    this.#refusing = isRefusing;
    if (isRefusing) this.cut();
  }

  delay(ms) {
    this.#delayMs = ms;
  }

  /** No faults any more; silent connections are cut. */
  heal() {
    this.#refusing = false;
    this.#delayMs = 0;
    for (const pair of this.#pairs) if (pair.silent) pair.destroy();
  }

  async stop() {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client) {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const broker = connect(this.#upstreamPort, "127.0.0.1");
    const pair = {
      silent: false,
      destroy: () => {
        client.destroy();
        broker.destroy();
        this.#pairs.delete(pair);
      },
    };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ]) {
      from.setNoDelay(true);
      let last = Promise.resolve();
      from.on("data", (bytes) => {
        if (pair.silent) return;
        const delayMs = this.#delayMs;
        // In order, also when the delay changes meanwhile.
        last = last.then(async () => {
          if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
          if (!pair.silent && !to.destroyed) to.write(bytes);
        });
      });
      from.on("error", pair.destroy);
      from.on("close", pair.destroy);
    }
  }
}
