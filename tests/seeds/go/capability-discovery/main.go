// Capability registration and discovery over BROADCAST.system.capability.
package main

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"mq9.dev/tests/seeds/go/guide"
)

func main() {
	nc := guide.Connect()
	defer nc.Close()

	// Orchestrator builds live index from announcements
	index := map[string][]string{}
	complete := make(chan bool, 1)
	nc.Subscribe("$mq9.AI.BROADCAST.system.capability", func(msg *nats.Msg) {
		var reg map[string]interface{}
		json.Unmarshal(msg.Data, &reg)
		for _, cap := range reg["capabilities"].([]interface{}) {
			index[cap.(string)] = append(index[cap.(string)], reg["from"].(string))
		}
		if len(index["data.analysis"]) == 2 {
			complete <- true
		}
	})
	guide.Check(nc.Flush())

	// Agents announce capabilities on startup
	type delivery struct{ agent, task string }
	inbox := make(chan delivery, 4)
	for _, capabilities := range []string{`["data.analysis","ml.training"]`, `["data.analysis"]`} {
		agent := guide.Connect()
		defer agent.Close()
		agentID := guide.Standard(agent)
		agent.Subscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.*", agentID), func(msg *nats.Msg) {
			inbox <- delivery{agentID, guide.Decode(msg)["task"].(string)}
		})
		agent.Publish("$mq9.AI.BROADCAST.system.capability",
			[]byte(fmt.Sprintf(`{
  "from": "%s",
  "capabilities": %s,
  "reply_to": "$mq9.AI.INBOX.%s.normal"
}`, agentID, capabilities, agentID)))
	}
	guide.Next(complete)

	// Dispatch to capable Agent
	task := []byte(`{"task":"train"}`)
	for _, id := range index["ml.training"] {
		nc.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", id), task)
	}
	received := guide.Next(inbox)
	capable := index["ml.training"]
	guide.Print(map[string]any{
		"index":       map[string]int{"data.analysis": len(index["data.analysis"]), "ml.training": len(capable)},
		"task":        received.task,
		"right_agent": len(capable) == 1 && capable[0] == received.agent,
	})
}
