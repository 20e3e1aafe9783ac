// The key under which a mailbox of kind `latest` keeps its one message. No sender's key can be it.
export const latestKey = "\0latest";
