// One mailbox subscription of one connection: turns messages into MSG or HMSG in the view of the
// generation that subscribed, and passes on whether the connection has room.
import { envelope, type Rendered, render, renderExpired, type View } from "@mq9/dialects";
import type { MailMessage, MailSink } from "@mq9/protocol";
import type { Client, Subscription } from "@mq9/router";
import type { DeliveryHeaders } from "./delivery-headers.ts";

export interface ReaderOptions {
  readonly view: View;
  /** Wrap bodies for the client that can not do without. */
  readonly envelope: boolean;
  readonly headers: DeliveryHeaders;
}

export class MailReader implements MailSink {
  readonly #client: Client;
  readonly #subscription: Subscription;
  readonly #options: ReaderOptions;

  constructor(client: Client, subscription: Subscription, options: ReaderOptions) {
    this.#client = client;
    this.#subscription = subscription;
    this.#options = options;
  }

  deliver(message: MailMessage, replayed: boolean): boolean {
    const { view, headers } = this.#options;
    const { subject, payload } = render(view, message);
    const client = this.#client;
    return client.deliver(
      this.#subscription,
      subject,
      "",
      client.headers ? headers.of(message, replayed) : undefined,
      this.#options.envelope ? envelope(message) : payload,
    );
  }

  onceWritable(resume: () => void): void {
    this.#client.onceWritable(resume);
  }

  /** PUBLIC.LIST alone tells of ends; `$SYSTEM.PUBLIC` only forgets. */
  retracted(key: string): void {
    if (this.#options.view.form !== "directory") return;
    const { subject, payload }: Rendered = renderExpired(key);
    this.#client.deliver(this.#subscription, subject, "", undefined, payload);
  }
}
