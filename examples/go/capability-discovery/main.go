// cd examples/go && go run ./capability-discovery
// Agents say what they can do; the orchestrator builds an index and sends work to one that can. CREATE
// stores the announcements of an hour, so that an orchestrator which starts later misses none.
package main

import (
	"fmt"

	"mq9.dev/examples/mq9"
)

const announcements = "$mq9.AI.BROADCAST.system.capability"

func main() {
	nc := mq9.Connect()
	defer nc.Close()
	mq9.Ask(nc, "$mq9.AI.MAILBOX.CREATE", mq9.Body{"subject": announcements, "ttl": 3600})

	addresses := map[string]string{"analyst": mq9.CreateMailbox(nc), "trainer": mq9.CreateMailbox(nc)}
	announce := func(name string, capabilities ...string) {
		mq9.Ask(nc, announcements, mq9.Body{
			"from":         name,
			"capabilities": capabilities,
			"reply_to":     fmt.Sprintf("$mq9.AI.INBOX.%s.normal", addresses[name]),
		})
	}
	announce("analyst", "data.analysis")
	announce("trainer", "data.analysis", "ml.training")

	// The orchestrator comes last.
	orchestrator := mq9.Connect()
	defer orchestrator.Close()
	index := map[string][]mq9.Body{}
	heard := mq9.Subscribe(orchestrator, announcements)
	for range addresses {
		agent := mq9.Next(heard)
		for _, capability := range agent["capabilities"].([]any) {
			index[capability.(string)] = append(index[capability.(string)], agent)
		}
	}
	fmt.Printf("data.analysis: %d agents, ml.training: %d agent\n",
		len(index["data.analysis"]), len(index["ml.training"]))
	for _, agent := range index["ml.training"] {
		mq9.Ask(orchestrator, agent["reply_to"].(string), mq9.Body{"task": "train"})
	}
	task := mq9.Next(mq9.Subscribe(nc, fmt.Sprintf("$mq9.AI.INBOX.%s.*", addresses["trainer"])))
	fmt.Printf("trainer: got %s\n", task["task"])
	mq9.Ask(nc, "$mq9.AI.MAILBOX.DROP.BROADCAST.system.capability", mq9.Body{})
}

// data.analysis: 2 agents, ml.training: 1 agent
// trainer: got train
