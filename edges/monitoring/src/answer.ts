// What can be answered to a request, before it is written.

/** A request as endpoints see it: only GET and HEAD come this far. */
export interface MonitorRequest {
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * An answer. `list` holds long lists, and is built when its turn comes; `status` is one line, which scripts of probes compare as text; `missing` is 404; `refused`
 * tells the asker what was wrong with its parameters.
 */
export type Answer =
  | { readonly kind: "json"; readonly body: object }
  | { readonly kind: "list"; readonly build: () => Promise<object> }
  | { readonly kind: "status"; readonly status: number; readonly body: object }
  | { readonly kind: "text"; readonly type: string; readonly text: string }
  | { readonly kind: "page"; readonly html: string; readonly policy: string }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "missing" };

/** Answers requests. What it throws becomes a 500 that says nothing. */
export type Answerer = (request: MonitorRequest) => Answer | Promise<Answer>;
