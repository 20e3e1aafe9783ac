#!/usr/bin/env bash
# examples/waking/codex/notify.sh <mailbox> <json>
# Codex calls it after every turn, the JSON last. It leaves a sleeper
# behind, which puts the bell into the queue of that thread when mail
# comes; an idle terminal session then begins a turn. A later sleeper of
# the same thread relieves the one before.
set -u
mailbox=$1
json=${*: -1}
thread=$(printf '%s' "$json" | sed -n 's/.*"thread-id" *: *"\([0-9A-Za-z-]*\)".*/\1/p')
[ -n "$thread" ] || exit 0
(
  bell=$(printf '%s' "$json" | mq9 wait "$mailbox" --hook codex) || exit 0
  codex queue --thread "$thread" --message "$bell"
) >/dev/null 2>&1 </dev/null &
