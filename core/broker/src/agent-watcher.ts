// One subscription to the events of the registry: turns them into MSG, and passes on whether the
// connection has room.
import { renderAgentEvent } from "@mq9/dialects";
import type { AgentEvent, AgentSink } from "@mq9/protocol";
import type { Client, Subscription } from "@mq9/router";

export class AgentWatcher implements AgentSink {
  readonly #client: Client;
  readonly #subscription: Subscription;

  constructor(client: Client, subscription: Subscription) {
    this.#client = client;
    this.#subscription = subscription;
  }

  deliver(event: AgentEvent, replayed: boolean): boolean {
    const { subject, payload } = renderAgentEvent(event, replayed);
    return this.#client.deliver(this.#subscription, subject, "", undefined, payload);
  }

  onceWritable(resume: () => void): void {
    this.#client.onceWritable(resume);
  }
}
