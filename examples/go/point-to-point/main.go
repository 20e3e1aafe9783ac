// cd examples/go && go run ./point-to-point
// A task goes to a known mailbox, whose owner is away; the result comes back to the sender's mailbox.
package main

import (
	"fmt"

	"mq9.dev/examples/mq9"
)

func main() {
	planner := mq9.Connect()
	defer planner.Close()
	plannerID, analystID := mq9.CreateMailbox(planner), mq9.CreateMailbox(planner)
	mq9.Ask(planner, fmt.Sprintf("$mq9.AI.INBOX.%s.normal", analystID), mq9.Body{
		"from":           plannerID,
		"type":           "task",
		"correlation_id": "req-001",
		"reply_to":       fmt.Sprintf("$mq9.AI.INBOX.%s.normal", plannerID),
		"payload":        "analyze this",
	})
	fmt.Println("planner: task sent, the analyst is away")

	// The analyst starts later; its mail is there.
	analyst := mq9.Connect()
	task := mq9.Next(mq9.Subscribe(analyst, fmt.Sprintf("$mq9.AI.INBOX.%s.*", analystID)))
	fmt.Printf("analyst: got %s: %s\n", task["correlation_id"], task["payload"])
	mq9.Ask(analyst, task["reply_to"].(string), mq9.Body{
		"from":           analystID,
		"type":           "result",
		"correlation_id": task["correlation_id"],
		"payload":        "analyzed",
	})
	analyst.Close()

	result := mq9.Next(mq9.Subscribe(planner, fmt.Sprintf("$mq9.AI.INBOX.%s.*", plannerID)))
	fmt.Printf("planner: result of %s: %s\n", result["correlation_id"], result["payload"])
}

// planner: task sent, the analyst is away
// analyst: got req-001: analyze this
// planner: result of req-001: analyzed
