// cd examples/go && go run ./status-tracking
// Each worker has a mailbox of type latest: a new state takes the place of the one before. Whoever
// watches needs one subscription for all workers, and may come later than their states.
package main

import (
	"fmt"
	"sort"

	"mq9.dev/examples/mq9"
)

func main() {
	nc := mq9.Connect()
	defer nc.Close()
	mailboxes := map[string]string{}
	for _, worker := range []string{"worker-1", "worker-2"} {
		mailbox := mq9.Ask(nc, "$mq9.AI.MAILBOX.CREATE", mq9.Body{"type": "latest", "ttl": 7200})
		mailboxes[worker] = mailbox["mail_id"].(string)
	}
	report := func(worker, status string, load float64) {
		subject := fmt.Sprintf("$mq9.AI.INBOX.%s.normal", mailboxes[worker])
		mq9.Ask(nc, subject, mq9.Body{"from": worker, "status": status, "load": load})
	}
	report("worker-1", "starting", 0.1)
	report("worker-1", "processing", 0.7)
	report("worker-2", "idle", 0)

	states := mq9.Subscribe(nc, "$mq9.AI.INBOX.m-status-*.normal")
	seen := []string{}
	next := func() string {
		state := mq9.Next(states)
		return fmt.Sprintf("%s: %s, load %v", state["from"], state["status"], state["load"])
	}
	for range mailboxes {
		seen = append(seen, next())
	}
	sort.Strings(seen)
	for _, line := range seen {
		fmt.Println(line)
	}
	report("worker-2", "processing", 0.4)
	fmt.Println(next(), "(live)")
	for _, mailbox := range mailboxes {
		mq9.Ask(nc, "$mq9.AI.MAILBOX.DROP."+mailbox, mq9.Body{}) // the workers are gone for good
	}
}

// worker-1: processing, load 0.7
// worker-2: idle, load 0
// worker-2: processing, load 0.4 (live)
