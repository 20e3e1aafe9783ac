// Status tracking: a mailbox of type latest holds the newest state; one subscription sees all.
package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"mq9.dev/tests/seeds/go/guide"
)

func main() {
	nc := guide.Connect()
	defer nc.Close()
	worker := "worker-" + nats.NewInbox()[7:]

	// Worker: latest-type mailbox, state updates overwrite previous
	resp, _ := nc.Request("$mq9.AI.MAILBOX.CREATE",
		[]byte(`{"type":"latest","ttl":7200}`), 2*time.Second)
	var m struct {
		MailID string `json:"mail_id"`
	}
	json.Unmarshal(resp.Data, &m)
	statusID := m.MailID
	report := func(status string, load float64) {
		nc.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", statusID),
			[]byte(fmt.Sprintf(`{"from":"%s","status":"%s","load":%v}`, worker, status, load)))
	}
	report("starting", 0.1)
	report("processing", 0.7)
	guide.Check(nc.Flush())

	// Orchestrator: one subscription covers all workers
	states := make(chan map[string]interface{}, 8)
	nc.Subscribe("$mq9.AI.INBOX.m-status-*.normal", func(msg *nats.Msg) {
		var s map[string]interface{}
		json.Unmarshal(msg.Data, &s)
		if s["from"].(string) == worker {
			states <- s
		}
	})
	first := guide.Next(states)
	report("idle", 0)
	second := guide.Next(states)
	guide.Print(map[string]any{
		"prefix": statusID[:9],
		"seen":   [][]any{{first["status"], first["load"]}, {second["status"], second["load"]}},
		"more":   len(states),
	})
}
