#!/usr/bin/env bash
# examples/waking/loop.sh <mailbox> <command> [argument...]
# Sleeps until there is mail, then runs the command, which reads and
# acknowledges it; again and again. The command finds the line that rang
# in MQ9_BELL. If it fails it runs again after 1, 2, 4 … 60 seconds.
# Ends with the exit code of `mq9 wait` when waiting makes no sense: no
# such mailbox, a wrong flag.
set -u
mailbox=$1
shift
pause=1
while true; do
  MQ9_BELL=$(mq9 wait "$mailbox" --quiet)
  code=$?
  export MQ9_BELL
  if [ "$code" -eq 0 ] && "$@"; then
    pause=1
    sleep 1 # also where the command leaves its mail unread
  elif [ "$code" -eq 0 ] || [ "$code" -eq 5 ]; then # failed, or no broker
    sleep "$pause"
    pause=$((pause < 30 ? pause * 2 : 60))
  else
    exit "$code"
  fi
done
