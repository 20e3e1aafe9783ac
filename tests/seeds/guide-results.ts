// What every program of the guide's eight patterns and its error table must print, whatever
// language it is written in.

/** Expected result by program name. */
export const guideResults: Readonly<Record<string, unknown>> = {
  "point-to-point": {
    tasks: [[true, "req-001", { data: "..." }]],
    answer: [true, "req-001", { status: "done" }],
  },
  "status-tracking": {
    prefix: "m-status-",
    seen: [
      ["processing", 0.7],
      ["idle", 0],
    ],
    more: 0,
  },
  "competing-workers": { results: 9, distinct: 9 },
  "offline-delivery": {
    unread_before: 2,
    order: [
      ["urgent", "emergency_stop"],
      ["normal", "update_config"],
    ],
    unread_after: 0,
  },
  "human-in-the-loop": {
    asked: ["approval_request", "Call external fraud API — estimated cost $50"],
    answered: ["approval_response", "approval-001", true, true],
  },
  "capability-discovery": {
    index: { "data.analysis": 2, "ml.training": 1 },
    task: "train",
    right_agent: true,
  },
  "broadcast-to-all": {
    received: [
      ["*.complete", "$mq9.AI.BROADCAST.pipeline.complete", "preprocessing"],
      ["pipeline.*", "$mq9.AI.BROADCAST.pipeline.complete", "preprocessing"],
      ["pipeline.*", "$mq9.AI.BROADCAST.pipeline.failed", "other"],
      ["pipeline.complete", "$mq9.AI.BROADCAST.pipeline.complete", "preprocessing"],
    ],
  },
  "request-reply": {
    results: { "job-001": 2, "job-002": 4, "job-003": 6 },
    order: ["job-003", "job-002", "job-001"],
  },
  "error-handling": {
    create: true,
    wrong_token: true,
    right_token: 0,
    expired: true,
    sent_to_expired: 0,
    oversize: "rejected",
    connected: true,
    problems: [],
  },
};

export const guidePrograms: readonly string[] = Object.keys(guideResults);
