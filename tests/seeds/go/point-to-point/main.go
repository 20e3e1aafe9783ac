// Point to point: a task goes to a known mail_id, the answer comes back to the sender's.
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
	resp, _ := nc.Request("$mq9.AI.MAILBOX.CREATE",
		[]byte(`{"type":"standard","ttl":3600}`), 2*time.Second)
	var m struct {
		MailID string `json:"mail_id"`
		Token  string `json:"token"`
	}
	json.Unmarshal(resp.Data, &m)
	target := guide.Standard(nc)

	nc.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", target), []byte(fmt.Sprintf(`{
		"from": "%s", "type": "task", "correlation_id": "req-001",
		"reply_to": "$mq9.AI.INBOX.%s.normal", "payload": {"data": "..."}
	}`, m.MailID, m.MailID)))

	tasks := make(chan []any, 2)
	nc.Subscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.*", target), func(msg *nats.Msg) {
		data := guide.Decode(msg)
		nc.Publish(data["reply_to"].(string), []byte(fmt.Sprintf(`{
			"from": "%s", "type": "result", "correlation_id": "%s", "payload": {"status": "done"}
		}`, target, data["correlation_id"])))
		tasks <- []any{data["from"] == m.MailID, data["correlation_id"], data["payload"]}
	})

	answers := make(chan map[string]any, 2)
	nc.Subscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.*", m.MailID), func(msg *nats.Msg) {
		answers <- guide.Decode(msg)
	})
	answer := guide.Next(answers)
	guide.Print(map[string]any{
		"tasks":  [][]any{guide.Next(tasks)},
		"answer": []any{answer["from"] == target, answer["correlation_id"], answer["payload"]},
	})
}
