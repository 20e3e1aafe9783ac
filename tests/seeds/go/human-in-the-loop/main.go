// Human-in-the-loop approval: the human's client speaks the same protocol as the agent.
package main

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"mq9.dev/tests/seeds/go/guide"
)

func main() {
	agent, human := guide.Connect(), guide.Connect()
	defer agent.Close()
	defer human.Close()
	agentID, humanID := guide.Standard(agent), guide.Standard(human)

	// Agent sends approval request
	agent.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.urgent", humanID), []byte(fmt.Sprintf(`{
		"from": "%s",
		"type": "approval_request",
		"correlation_id": "approval-001",
		"content": "Call external fraud API — estimated cost $50",
		"reply_to": "$mq9.AI.INBOX.%s.normal"
	}`, agentID, agentID)))

	// Human's client — same protocol, no special tooling
	requests := make(chan map[string]any, 2)
	human.Subscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.*", humanID), func(msg *nats.Msg) {
		req := guide.Decode(msg)
		requests <- req
		human.Publish(req["reply_to"].(string), []byte(fmt.Sprintf(`{
			"from": "%s", "type": "approval_response", "correlation_id": "%s", "approved": true
		}`, humanID, req["correlation_id"])))
	})

	responses := make(chan map[string]any, 2)
	agent.Subscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.*", agentID), func(msg *nats.Msg) {
		responses <- guide.Decode(msg)
	})
	req, res := guide.Next(requests), guide.Next(responses)
	guide.Print(map[string]any{
		"asked":    []any{req["type"], req["content"]},
		"answered": []any{res["type"], res["correlation_id"], res["approved"], res["from"] == humanID},
	})
}
