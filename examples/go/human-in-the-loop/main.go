// cd examples/go && echo yes | go run ./human-in-the-loop
// An agent must not spend money by itself: it asks, and goes on when a person has answered. The person's
// side is an ordinary client too, here at a terminal prompt.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"mq9.dev/examples/mq9"
)

func answer(humanID string) {
	nc := mq9.Connect()
	defer nc.Close()
	request := mq9.Next(mq9.Subscribe(nc, fmt.Sprintf("$mq9.AI.INBOX.%s.*", humanID)))
	fmt.Printf("human: %s\nhuman: approve? [yes/no]\n", request["content"])
	said, err := bufio.NewReader(os.Stdin).ReadString('\n')
	mq9.Check(err)
	mq9.Ask(nc, request["reply_to"].(string), mq9.Body{
		"from":           humanID,
		"type":           "approval_response",
		"correlation_id": request["correlation_id"],
		"approved":       strings.TrimSpace(said) == "yes",
	})
}

func main() {
	agent := mq9.Connect()
	defer agent.Close()
	agentID, humanID := mq9.CreateMailbox(agent), mq9.CreateMailbox(agent)
	mq9.Ask(agent, fmt.Sprintf("$mq9.AI.INBOX.%s.urgent", humanID), mq9.Body{
		"from":           agentID,
		"type":           "approval_request",
		"correlation_id": "approval-001",
		"content":        "Call external fraud API, estimated cost $50",
		"reply_to":       fmt.Sprintf("$mq9.AI.INBOX.%s.normal", agentID),
	})
	fmt.Println("agent: asked; waiting takes nothing, the answer may come in hours")

	answer(humanID)
	response := mq9.Next(mq9.Subscribe(agent, fmt.Sprintf("$mq9.AI.INBOX.%s.*", agentID)))
	fmt.Printf("agent: %s approved: %v\n", response["correlation_id"], response["approved"])
}

// agent: asked; waiting takes nothing, the answer may come in hours
// human: Call external fraud API, estimated cost $50
// human: approve? [yes/no]
// agent: approval-001 approved: true
